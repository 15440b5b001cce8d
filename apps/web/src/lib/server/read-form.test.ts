import { describe, expect, it } from 'vitest'
import { readForm, textField } from './read-form.ts'

const urlEncoded = { 'content-type': 'application/x-www-form-urlencoded' }

function post(body: BodyInit, headers: Record<string, string> = urlEncoded): Request {
  return new Request('http://localhost/', {
    method: 'POST',
    body,
    headers,
    // Node wants it said that a streamed body is sent before the answer is read.
    ...(body instanceof ReadableStream && { duplex: 'half' }),
  })
}

function streamOf(text: string): ReadableStream<Uint8Array> {
  return new Response(text).body ?? new ReadableStream()
}

describe('readForm', () => {
  it('reads a form of exactly the limit and refuses one byte more', async () => {
    const form = await readForm(post('a=12345678'), { maxBytes: 10 })
    expect(textField(form, 'a')).toBe('12345678')
    await expect(readForm(post('a=123456789'), { maxBytes: 10 })).rejects.toMatchObject({
      status: 413,
    })
  })

  it('refuses by the declared length before reading', async () => {
    const request = post('a=1', { ...urlEncoded, 'content-length': '11' })
    await expect(readForm(request, { maxBytes: 10 })).rejects.toMatchObject({ status: 413 })
    expect(request.bodyUsed).toBe(false)
  })

  it('refuses a declared length that is no number', async () => {
    const request = post('a=1', { ...urlEncoded, 'content-length': 'many' })
    await expect(readForm(request)).rejects.toMatchObject({ status: 413 })
  })

  it('cuts off a body that declares no length', async () => {
    await expect(readForm(post(streamOf('a=123456789')), { maxBytes: 10 })).rejects.toMatchObject({
      status: 413,
    })
  })

  it('answers 400 to a body that is no form', async () => {
    const broken = post('x', { 'content-type': 'multipart/form-data; boundary=b' })
    await expect(readForm(broken)).rejects.toMatchObject({ status: 400 })
    await expect(
      readForm(post('{}', { 'content-type': 'application/json' })),
    ).rejects.toMatchObject({
      status: 400,
    })
  })

  it('takes a missing body as an empty form and a file as no text', async () => {
    const empty = await readForm(new Request('http://localhost/', { method: 'POST' }))
    expect(textField(empty, 'email')).toBe('')
    const form = new FormData()
    form.set('email', new File(['x'], 'x.txt'))
    expect(textField(form, 'email')).toBe('')
  })
})
