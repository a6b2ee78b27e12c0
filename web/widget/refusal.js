// Why the server, or a limit, said no.

export class Refusal extends Error {
  /** code is the server's, or one of ours: unreachable, too_large, too_many_files; detail fills the text's gap. */
  constructor(code, seconds = 0, detail = "") {
    super(code);
    Object.assign(this, { code, seconds, detail });
  }
}

/** refusalOf reads an HTTP answer that is not a yes. */
export async function refusalOf(answer) {
  const problem = await answer.json().catch(() => ({}));
  const seconds = Number(answer.headers.get("Retry-After")) || 0;
  return new Refusal(answer.status === 429 ? "slow_down" : problem.code || `http_${answer.status}`, seconds);
}
