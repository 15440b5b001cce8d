/** Passes a webhook on to the worker that handles it, byte for byte: its signature is over the raw body. */
export async function forwardWebhook(
  handler: Fetcher,
  { url, headers, body }: { url: URL; headers: Headers; body: BodyInit | null },
): Promise<Response> {
  const response = await handler.fetch(new Request(url, { method: 'POST', headers, body }))
  // A fetched response has immutable headers, and the security headers are added to this one.
  return new Response(response.body, response)
}
