const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  413: 'Too large',
  503: 'Unavailable',
}

/** An error of the JSON API, as RFC 9457 describes it. */
export function problem(status: number, detail: string): Response {
  const headers = { 'content-type': 'application/problem+json' }
  const body = { type: 'about:blank', title: titles[status] ?? 'Error', status, detail }
  return new Response(JSON.stringify(body), { status, headers })
}
