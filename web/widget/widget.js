// The one script of a page that offers chat:
//
//   <script src="https://chat.example/in/support/widget.js" async></script>
//
// It only finds its tag and loads the rest, as modules, from beside itself. The version in their path is written by the server, so that
// browsers may keep them for good and never mix two releases.
(() => {
  const tag = document.currentScript;
  const base = new URL("./", tag.src).href;
  import(new URL("widget/{{version}}/main.js", base).href)
    .then((widget) => widget.start(tag, base))
    .catch((error) => console.error("parley: the chat could not be loaded", error));
})();
