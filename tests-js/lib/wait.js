// Waiting is on a condition with a bound, never for a fixed time.

/** Resolves with the first truthy value of `condition`; rejects, naming `what`, after `limit` milliseconds. */
export async function until(what, condition, limit = 10_000) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${limit} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
