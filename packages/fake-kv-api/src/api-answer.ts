/** What the API answers, before it is written to a socket. */
export interface ApiAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

interface AnswerOptions {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly resultInfo?: unknown
}

/** The envelope in which the API answers. */
export function success(result: unknown, options: AnswerOptions = {}): ApiAnswer {
  const { status = 200, headers = {}, resultInfo } = options
  const envelope = { result, success: true, errors: [], messages: [], result_info: resultInfo }
  return jsonAnswer(status, envelope, headers)
}

/** A refusal. It is thrown where it is found out. */
export class ApiFailure extends Error {
  readonly answer: ApiAnswer

  constructor(
    status: number,
    error: { readonly code: number; readonly message: string },
    options: {
      readonly headers?: Readonly<Record<string, string>>
      readonly result?: unknown
    } = {},
  ) {
    super(error.message)
    const { headers = {}, result = null } = options
    const envelope = { result, success: false, errors: [error], messages: [] }
    this.answer = jsonAnswer(status, envelope, headers)
  }
}

export function bytesAnswer(
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
): ApiAnswer {
  return { status: 200, headers: { 'content-type': 'application/octet-stream', ...headers }, body }
}

function jsonAnswer(
  status: number,
  envelope: unknown,
  headers: Readonly<Record<string, string>>,
): ApiAnswer {
  const body = Buffer.from(JSON.stringify(envelope))
  return { status, headers: { 'content-type': 'application/json', ...headers }, body }
}
