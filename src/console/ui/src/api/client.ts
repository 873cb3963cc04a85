// Questions to the API. Addresses are relative to the page, so that any location of nginx will do.

/** A problem document (RFC 9457), or what stood in for one. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly retry_s: number | null = null,
  ) {
    super(detail || title);
  }
}

/** A number that JavaScript cannot hold, as it was written. */
export class Exact {
  constructor(readonly source: string) {}
  toJSON(): unknown {
    return JSON.rawJSON ? JSON.rawJSON(this.source) : this.source;
  }
}

declare global {
  interface JSON {
    rawJSON?(source: string): unknown;
  }
}

/** Parses JSON and keeps numbers that would lose digits, where the browser tells how they were written. */
export function parseExactly(text: string): unknown {
  const revive = (_key: string, value: unknown, context?: { source?: string }) => {
    if (typeof value !== "number" || !context?.source) return value;
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? new Exact(context.source) : value;
  };
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown);
}

const TIMEOUT_MS = 30_000;

/** Asks once. Throws a `Problem`, or an `AbortError` where `signal` said so. */
export async function ask<T>(path: string, signal: AbortSignal, exactly = false): Promise<T> {
  let response: Response;
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), TIMEOUT_MS);
  const stop = () => patience.abort();
  signal.addEventListener("abort", stop);
  try {
    response = await fetch(`api/v1/${path}`, { signal: patience.signal, headers: { Accept: "application/json" } });
    const text = await response.text();
    if (!response.ok) throw problemOf(response, text);
    return (exactly ? parseExactly(text) : JSON.parse(text)) as T;
  } catch (error) {
    if (error instanceof Problem || signal.aborted) throw error;
    if (error instanceof SyntaxError) throw new Problem(0, "The answer is not JSON", "Something between this page and nginx may have changed it, or the session with it has ended. Reload the page.");
    if (patience.signal.aborted) throw new Problem(0, "No answer", `nginx did not answer within ${TIMEOUT_MS / 1000} seconds.`);
    throw new Problem(0, "nginx cannot be reached", "The connection failed. Is nginx running, and this machine on its network?");
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function problemOf(response: Response, text: string): Problem {
  let title = response.statusText || `Status ${response.status}`;
  let detail = "";
  try {
    const body = JSON.parse(text) as { title?: unknown; detail?: unknown };
    if (typeof body.title === "string") title = body.title;
    if (typeof body.detail === "string") detail = body.detail;
  } catch {
    if (response.status === 401 || response.status === 403) detail = "nginx does not let you in here. Log in again, or ask whoever keeps the console's location.";
  }
  const retry = Number(response.headers.get("Retry-After"));
  return new Problem(response.status, title, detail, response.status === 503 ? Math.min(Math.max(retry || 2, 1), 60) : null);
}
