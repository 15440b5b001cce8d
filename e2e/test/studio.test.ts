import {
  createDraft,
  listCategory,
  postUpload,
  publishItem,
  putUpload,
  tinyPng,
  unpublishItem,
  waitForProcessing,
} from '@codex/local-stack'
import { describe, expect, it } from 'vitest'
import { signedInPerson, signedInSample, visitor } from '../src/visitor.ts'

function mediaIdOf(text: string): string {
  return (JSON.parse(text) as { mediaId: string }).mediaId
}

describe('an upload', () => {
  it('goes through the queue and is ready', async () => {
    const ada = await signedInSample('ada')
    const uploaded = await putUpload(ada, tinyPng('leaf.png'))
    expect(uploaded.status).toBe(201)
    const statuses = await waitForProcessing(ada, mediaIdOf(uploaded.text))
    expect(statuses.at(-1)).toBe('ready')
    const studio = await ada.get('/studio')
    expect(studio.text).toContain('leaf.png')
  })

  it('works as a form, for browsers without scripts', async () => {
    const ada = await signedInSample('ada')
    const response = await postUpload(ada, tinyPng('petal.png'))
    expect(response.status).toBe(200)
    expect(response.text).toContain('petal.png')
  })

  it('can be sold: only buyers and its creator download it, also once it is off the shelves', async () => {
    const ada = await signedInSample('ada')
    const uploaded = await putUpload(ada, tinyPng('for-sale.png'))
    const mediaItemId = mediaIdOf(uploaded.text)
    await waitForProcessing(ada, mediaItemId)
    const title = `For sale ${crypto.randomUUID().slice(0, 8)}`
    const itemPath = await createDraft(ada, {
      title,
      categoryId: 'sample-category-design-templates',
      price: '0',
      mediaItemId,
    })
    await publishItem(ada, itemPath)
    const items = await listCategory(visitor(), 'design-templates')
    const slug = items.find((item) => item.title === title)?.slug ?? ''
    const download = `/item/${slug}/download`

    const { client: buyer } = await signedInPerson('Free Buyer')
    expect((await buyer.get(download)).status).toBe(403)
    expect((await visitor().get(download)).status).toBe(303)
    const added = await buyer.postForm(`/item/${slug}?/buy`)
    expect(added.location).toBe(`/item/${slug}?added`)
    for (const client of [buyer, ada]) {
      const file = await client.get(download)
      expect(file.status).toBe(200)
      expect(file.headers.get('content-type')).toBe('image/png')
      expect(file.headers.get('cache-control')).toBe('private, no-store')
    }

    await unpublishItem(ada, itemPath)
    const page = await buyer.get(`/item/${slug}`)
    expect(page.status).toBe(200)
    expect(page.text).toContain('No longer for sale')
    expect((await buyer.get(download)).status).toBe(200)
    expect((await visitor().get(`/item/${slug}`)).status).toBe(404)
    const { client: late } = await signedInPerson('Late Buyer')
    expect((await late.get(`/item/${slug}`)).status).toBe(404)
    expect((await late.postForm(`/item/${slug}?/buy`)).status).toBe(404)
  })

  it('over the size that is allowed is refused before it is read', async () => {
    const ada = await signedInSample('yuki')
    const bytes = new Uint8Array(26 * 1024 * 1024)
    const put = await putUpload(ada, { filename: 'big.bin', type: 'application/zip', bytes })
    expect(put.status).toBe(413)
    expect(put.text).toContain('too large')
    const form = await postUpload(ada, { filename: 'big.bin', type: 'application/zip', bytes })
    expect(form.status).toBe(413)
  })

  it('that is empty is refused with a reason', async () => {
    const yuki = await signedInSample('yuki')
    const empty = await putUpload(yuki, {
      filename: 'empty.txt',
      type: 'text/plain',
      bytes: new Uint8Array(0),
    })
    expect([400, 411]).toContain(empty.status)
    const noFile = await yuki.postForm('/studio?/upload', { file: new File([], '') })
    expect(noFile.status).toBe(400)
    expect(noFile.text).toContain('Choose a file first')
  })

  it('gets a harmless name when its own is none', async () => {
    const yuki = await signedInSample('yuki')
    for (const [filename, kept] of [
      ['', 'upload'],
      ['../../etc/passwd', 'passwd'],
    ] as const) {
      const uploaded = await putUpload(yuki, { ...tinyPng(), filename })
      expect(uploaded.status).toBe(201)
      expect(JSON.parse(uploaded.text)).toMatchObject({ filename: kept })
    }
  })

  it('is for creators', async () => {
    const lin = await signedInSample('lin')
    expect((await putUpload(lin, tinyPng())).status).toBe(403)
    expect((await postUpload(lin, tinyPng())).status).toBe(403)
    expect((await putUpload(visitor(), tinyPng())).status).toBe(401)
  })

  it('of somebody else does not exist for others', async () => {
    const ada = await signedInSample('ada')
    const uploaded = await putUpload(ada, tinyPng())
    const path = `/api/media/${mediaIdOf(uploaded.text)}/status`
    const yuki = await signedInSample('yuki')
    expect((await yuki.get(path)).status).toBe(404)
    expect((await yuki.get('/api/media/no-such-upload/status')).status).toBe(404)
    expect((await visitor().get(path)).status).toBe(401)
  })
})

describe('an item', () => {
  it('of somebody else cannot be seen or changed in the studio', async () => {
    const ada = await signedInSample('ada')
    const yuki = await signedInSample('yuki')
    const itemPath = await createDraft(ada, {
      title: `Not yours ${crypto.randomUUID().slice(0, 8)}`,
      categoryId: 'sample-category-writing',
      price: '1',
    })
    expect((await yuki.get(itemPath)).status).toBe(404)
    expect((await publishItem(yuki, itemPath)).status).toBe(404)
    const contentId = itemPath.split('/').at(-1) ?? ''
    expect((await yuki.postForm('/studio?/publish', { contentId })).status).toBe(404)
  })

  it.each([
    ['no title', { title: ' ' }],
    ['a price that is no number', { price: 'a lot' }],
    ['a negative price', { price: '-3' }],
    ['a category that is not there', { categoryId: 'sample-category-nothing' }],
    ["somebody else's file", { mediaItemId: 'not-mine' }],
    ['a title that is too long', { title: 'x'.repeat(500) }],
  ])('with %s is refused, and what was typed is kept', async (_what, change) => {
    const ada = await signedInSample('ada')
    const response = await ada.postForm('/studio/items/new', {
      title: 'A title worth keeping',
      summary: 'A summary worth keeping',
      body: '',
      categoryId: 'sample-category-writing',
      price: '4',
      mediaItemId: '',
      ...change,
    })
    expect(response.status).toBe(400)
    expect(response.text).toContain('A summary worth keeping')
  })

  it('with a price over the maximum is refused with the maximum', async () => {
    const ada = await signedInSample('ada')
    const response = await ada.postForm('/studio/items/new', {
      title: 'Too dear',
      categoryId: 'sample-category-writing',
      price: '25000',
    })
    expect(response.status).toBe(400)
    expect(response.text).toContain('A price can be at most 10,000.00')
  })

  it('is called a draft after it was made, and no longer once it is published', async () => {
    const ada = await signedInSample('ada')
    const itemPath = await createDraft(ada, {
      title: `Made and published ${crypto.randomUUID().slice(0, 8)}`,
      categoryId: 'sample-category-writing',
      price: '3',
    })
    expect((await ada.get(`${itemPath}?made`)).text).toContain('Saved as a draft')
    await publishItem(ada, itemPath)
    expect((await ada.get(`${itemPath}?made`)).text).not.toContain('Saved as a draft')
    await unpublishItem(ada, itemPath)
  })
})
