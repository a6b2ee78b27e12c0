// Shows the form for a call in a page of yours: <script src="https://…/in/NAME/callback.js" data-label="Call me back" defer></script>
(() => {
  const me = document.currentScript;
  const base = new URL(".", me.src);
  const open = document.createElement("button");
  open.type = "button";
  open.textContent = me.dataset.label || "Call me back";
  open.setAttribute("aria-haspopup", "dialog");
  open.style.cssText =
    "position:fixed;inset-inline-end:20px;inset-block-end:20px;z-index:2147483000;min-height:48px;padding:0 20px;border:0;border-radius:24px;background:#0b6e69;color:#fff;font:600 16px system-ui,sans-serif;cursor:pointer;box-shadow:0 4px 16px #0004";
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", open.textContent);
  dialog.style.cssText = "padding:0;border:0;border-radius:14px;width:min(36rem,96vw);height:min(46rem,94vh);overflow:hidden";
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "\u00d7";
  close.setAttribute("aria-label", me.dataset.close || "Close");
  close.style.cssText =
    "position:absolute;inset-inline-end:8px;inset-block-start:8px;width:44px;height:44px;border:0;border-radius:22px;background:#0000;color:#566373;font:24px system-ui;cursor:pointer";
  close.addEventListener("click", () => dialog.close());
  const frame = document.createElement("iframe");
  frame.title = open.textContent;
  frame.style.cssText = "border:0;width:100%;height:100%";
  dialog.append(frame, close);
  open.addEventListener("click", () => {
    const form = new URL(base);
    if (me.dataset.topic) form.searchParams.set("topic", me.dataset.topic);
    if (me.dataset.language) form.searchParams.set("language", me.dataset.language);
    frame.src = form.href;
    dialog.showModal();
  });
  dialog.addEventListener("close", () => open.focus());
  document.body.append(open, dialog);
})();
