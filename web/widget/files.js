// Files of a session, up and down. The token goes in a header, never in an address, so a file is fetched and then shown from memory.
import { Refusal, refusalOf } from "./refusal.js";

export class Files {
  constructor(base, ticket) {
    this.address = new URL(`sessions/${encodeURIComponent(ticket.session)}/files`, base);
    this.headers = { Authorization: `Bearer ${ticket.token}` };
  }

  /** check throws what the server would say, before anything is sent. sizes are those of the files that were sent already. */
  check(file, sizes, limits) {
    const whole = sizes.reduce((sum, size) => sum + size, 0);
    if (file.size === 0) throw new Refusal("empty_file", { limit: file.name });
    if (limits.max_files && sizes.length >= limits.max_files) throw new Refusal("too_many_files", { limit: limits.max_files });
    if (limits.max_file_bytes && file.size > limits.max_file_bytes) throw new Refusal("file_too_large", { limit: limits.max_file_bytes });
    if (limits.max_bytes && whole + file.size > limits.max_bytes) throw new Refusal("files_too_large", { limit: limits.max_bytes });
  }

  /** upload gives {upload, name, type, size}. */
  async upload(file) {
    const url = new URL(this.address);
    url.searchParams.set("name", file.name);
    const answer = await fetch(url, {
      method: "POST",
      headers: { ...this.headers, "Content-Type": file.type || "application/octet-stream" },
      body: file,
    }).catch(() => {
      throw new Refusal("unreachable");
    });
    if (!answer.ok) throw await refusalOf(answer);
    return answer.json();
  }

  /** download gives the bytes as a blob without a type that a browser would run. */
  async download(upload, type) {
    const answer = await fetch(`${this.address}/${encodeURIComponent(upload)}`, { headers: this.headers }).catch(() => {
      throw new Refusal("unreachable");
    });
    if (!answer.ok) throw await refusalOf(answer);
    return new Blob([await answer.arrayBuffer()], { type: pictures.has(type) ? type : "application/octet-stream" });
  }
}

/** pictures are the types that are shown; everything else is only saved. */
export const pictures = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** bytesText writes a size for people, in the page's numbers. */
export function bytesText(bytes, language) {
  const [unit, value] = bytes >= 1 << 20 ? ["megabyte", bytes / (1 << 20)] : bytes >= 1024 ? ["kilobyte", bytes / 1024] : ["byte", bytes];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }).format(value);
}
