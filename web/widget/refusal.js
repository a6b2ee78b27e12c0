// Why the server, or a limit, said no.

export class Refusal extends Error {
  /** code is the server's, or one of ours: unreachable, empty_file. limit is what would have been allowed, seconds how long to wait. */
  constructor(code, { limit = "", seconds = 0 } = {}) {
    super(code);
    Object.assign(this, { code, limit, seconds });
  }
}

/** refusalOf reads an HTTP answer that is not a yes. */
export async function refusalOf(answer) {
  const { code, limit } = await answer.json().catch(() => ({}));
  const seconds = Number(answer.headers.get("Retry-After")) || 0;
  return new Refusal(answer.status === 429 ? "slow_down" : code || `http_${answer.status}`, { limit, seconds });
}
