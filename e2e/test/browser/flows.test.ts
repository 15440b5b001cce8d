import {
  enterWindow,
  newPerson,
  type Person,
  pollUntil,
  sampleUser,
  signIn,
  tinyPng,
} from '@codex/local-stack'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { launchBrowser } from '../../src/browser/launch-browser.ts'
import { screens } from '../../src/browser/screen.ts'
import { Tab } from '../../src/browser/tab.ts'
import { listKeys } from '../../src/local-kv.ts'
import { noteSecret } from '../../src/seen-secrets.ts'
import { signedInPerson, visitor } from '../../src/visitor.ts'

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser(inject('browserProgram'))
})

afterAll(async () => {
  await browser.close()
})

/** Presses the link of the newest mail to an address, in the outbox. */
async function openLinkOfMail(tab: Tab, email: string): Promise<void> {
  const mail = tab.page
    .getByRole('listitem')
    .filter({ hasText: `To ${email}` })
    .first()
  const link = mail.getByRole('link')
  const { searchParams } = new URL((await link.getAttribute('href')) ?? '', inject('siteUrl'))
  noteSecret(searchParams.get('token') ?? '')
  await link.click()
}

describe.each(screens)('on a $name', (screen) => {
  let tab: Tab

  beforeEach(async () => {
    tab = await Tab.open(browser, screen)
  })

  afterEach(async () => {
    expect(await tab.close()).toEqual([])
  })

  it('a visitor registers, confirms by mail, signs in and out', async () => {
    const person = newPerson('Mara Lind')
    await tab.goto('/')
    await tab.picture('home')
    await tab.press('Sign up', 'link')
    await tab.waitForPath('/sign-up')
    await tab.picture('sign-up')
    await tab.fill({ Name: person.name, 'E-mail': person.email, Password: person.password })
    await tab.press('Sign up')
    await tab.waitForPath('/check-mail')
    await tab.picture('check-mail')

    await tab.goto('/dev/outbox')
    await tab.picture('outbox')
    await openLinkOfMail(tab, person.email)
    await tab.waitForPath('/verify-email')
    await tab.picture('verify-email')
    await tab.press('Confirm e-mail')
    await tab.waitForPath('/sign-in')
    await tab.sees('Your address is confirmed')

    await tab.fill({ 'E-mail': person.email, Password: 'not my password' })
    await tab.press('Sign in')
    await tab.sees('That e-mail and password do not go together')
    await tab.picture('sign-in-refused')
    await tab.fill({ Password: person.password })
    await tab.press('Sign in')
    await tab.waitForPath('/')
    await tab.goto('/library')
    await tab.sees('Nothing here yet')
    await tab.picture('library-empty')
    await tab.press('Sign out')
    await tab.waitForPath('/')
    await tab.goto('/library')
    expect(new URL(tab.page.url()).pathname).toBe('/sign-in')
  })

  it('a person who guesses too often is told when to come back', async () => {
    const { person } = await signedInPerson('Guessing Gus')
    await tab.goto('/sign-in')
    const form = tab.page.getByRole('main')
    for (let attempt = 1; attempt <= 5; attempt++) {
      // The message of the attempt before is still there: only the scripts and the button say that the form is ready.
      await tab.page.locator('html[data-ready]').waitFor({ state: 'attached' })
      await form.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
      await tab.fill({ 'E-mail': person.email, Password: `guess number ${attempt}` })
      const answered = tab.page.waitForResponse((answer) => answer.request().method() === 'POST')
      await tab.press('Sign in')
      await answered
      await tab.sees('That e-mail and password do not go together')
    }
    await form.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
    await tab.fill({ Password: person.password })
    await tab.press('Sign in')
    await tab.sees(/Too many sign-in attempts\. Try again in \d+ (?:minute|second)/)
    await tab.picture('sign-in-limited')
  })

  it('a forgotten password is reset by mail', async () => {
    const { person } = await signedInPerson('Forgetful Fay')
    const password = `${person.password} anew`
    await tab.goto('/sign-in')
    await tab.press('Forgot your password?', 'link')
    await tab.waitForPath('/forgot-password')
    await tab.fill({ 'E-mail': person.email })
    await tab.page.getByRole('button', { name: /send|reset/i }).click()
    await tab.sees(/is on its way/)
    await tab.picture('forgot-password')
    await tab.goto('/dev/outbox')
    await openLinkOfMail(tab, person.email)
    await tab.waitForPath('/reset-password')
    await tab.picture('reset-password')
    await tab.fill({ 'New password': password })
    await tab.page.getByRole('main').locator('button[type=submit]').click()
    await tab.waitForPath('/sign-in')
    await tab.signIn({ email: person.email, password })
  })

  it('a reader browses by category, buys an item and finds it in the library', async () => {
    const { person } = await signedInPerson('Buying Bea')
    await tab.signIn(person)
    await tab.press('Browse', 'link')
    await tab.waitForPath('/browse')
    await tab.picture('browse')
    await tab.press('Sample packs', 'link')
    await tab.waitForPath('/browse/sample-packs')
    await tab.picture('browse-category')
    const card = tab.page.getByRole('article').filter({ hasText: '$' }).first()
    const title = (await card.getByRole('heading').textContent()) ?? ''
    await card.getByRole('link').click()
    await tab.waitForPath(/^\/item\//)
    await tab.picture('item')
    await tab.press('Buy')
    await tab.waitForPath(/^\/dev\/checkout\//)
    await tab.picture('checkout')
    await tab.press(/^Pay /)
    await tab.waitForPath('/library')
    await tab.sees('It is in your library now')
    await tab.sees(title)
    await tab.picture('library')
  })

  it('a creator uploads a file, watches it get ready, publishes an item and takes it off', async () => {
    await tab.signIn(sampleUser(screen.isMobile ? 'ingrid' : 'ada'))
    await tab.goto('/studio')
    const filename = `${screen.name}-${crypto.randomUUID().slice(0, 8)}.png`
    const path = join(inject('stateDirectory'), filename)
    await writeFile(path, tinyPng().bytes)
    await tab.page.locator('input[type=file]').setInputFiles(path)
    await tab.press('Upload')
    await tab.page
      .getByRole('status', { name: `Status of ${filename}` })
      .getByText('Ready')
      .waitFor()
    await tab.page.getByText('is here and being processed').waitFor({ state: 'hidden' })
    await tab.picture('studio')

    const title = `Made on a ${screen.name} ${crypto.randomUUID().slice(0, 8)}`
    await tab.press('New item', 'link')
    await tab.waitForPath('/studio/items/new')
    await tab.fill({ Title: title, Summary: 'Seen by everyone.', 'Price in dollars': '7' })
    await tab.page.getByLabel('Category').selectOption('sample-category-writing')
    const option = tab.page.getByLabel('File to download').getByRole('option', { name: filename })
    await tab.page
      .getByLabel('File to download')
      .selectOption((await option.getAttribute('value')) ?? '')
    await tab.picture('new-item')
    await tab.press('Save draft')
    await tab.waitForPath(/^\/studio\/items\/[^/]+$/)
    await tab.sees('Saved as a draft')
    await tab.press('Publish')
    await tab.sees('It is on the shelves')
    await tab.picture('item-published')
    expect((await visitor().get('/browse/writing')).text).toContain(title)
    await tab.press('Unpublish')
    await tab.sees('It is off the shelves')
    expect((await visitor().get('/browse/writing')).text).not.toContain(title)
  })

  it('a person sees their sessions, revokes one and changes the password', async () => {
    const { client, person } = await signedInPerson('Careful Cai')
    await tab.signIn(person)
    await tab.goto('/account')
    await tab.sees('This device')
    await tab.picture('account')
    await tab.page
      .locator('.sessions')
      .getByRole('button', { name: /^Sign out .+/ })
      .first()
      .click()
    await tab.sees('That device is signed out')
    expect((await client.get('/library')).status).toBe(303)

    const changed: Person = { ...person, password: `${person.password} changed` }
    await tab.fill({ 'Current password': person.password, 'New password': changed.password })
    await tab.press('Change password')
    await tab.sees('Every older session is signed out')
    await tab.goto('/library')
    expect(new URL(tab.page.url()).pathname).toBe('/library')
    expect((await signIn(visitor(), changed)).status).toBe(303)
  })

  it('a person signs out another browser, whose very next click is refused', async () => {
    const { client, person } = await signedInPerson('Two Browsers')
    await client.postForm('/sign-out')
    const other = await Tab.open(browser, screen)
    try {
      await tab.signIn(person)
      await other.signIn(person)
      await other.goto('/browse')
      await tab.goto('/account')
      await tab.page
        .locator('.sessions')
        .getByRole('button', { name: /^Sign out .+/ })
        .click()
      await tab.sees('That device is signed out')
      // On a phone the link is in a menu; what matters is where it leads.
      await other.page.locator('a[href="/library"]').first().dispatchEvent('click')
      await other.waitForPath('/sign-in')
      await tab.goto('/library')
      expect(new URL(tab.page.url()).pathname).toBe('/library')
    } finally {
      expect(await other.close()).toEqual([])
    }
  })

  it('the owner sees the counters and purges the cache', async () => {
    await tab.signIn(sampleUser('grace'))
    await tab.goto('/admin')
    await tab.picture('admin')
    await tab.page.getByLabel('Prefix').fill('cache:content-')
    await tab.press(/^Purge/)
    await tab.sees(/Deleted \d+ entr/)
    await tab.goto('/browse')
    await tab.page.getByText('content-list', { exact: true }).waitFor()
    // What is loaded within a second of a delete stays in the memory of the isolate, and is written when that is over.
    await pollUntil('the list is written again', async () => {
      await tab.goto('/browse')
      return (await listKeys('cache')).some(({ name }) => name === 'cache:content-list:newest')
    })
    await tab.goto('/admin?list=cache:')
    await tab.picture('admin-cache')
    await tab.press('Delete cache:content-list:newest')
    await tab.sees('Deleted cache:content-list:newest')
  })

  it('the owner watches the limits of a person, and blocks one', async () => {
    await enterWindow({ windowSeconds: 900, neededSeconds: 30 })
    const { person } = await signedInPerson('Watched Wanda')
    await tab.signIn(sampleUser('grace'))
    await tab.goto('/admin')
    await tab.fill({ 'Whose limits': person.email })
    await tab.press('Show limits')
    const login = tab.page.locator('[data-policy="login"]')
    await login.getByText('0 of 5 used').waitFor()
    await login.getByText('Change', { exact: true }).click()
    await login.getByLabel('Minutes to block').fill('45')
    await tab.picture('admin-limits')

    // What happens elsewhere shows by itself, and leaves what is being typed alone.
    await signIn(visitor(), { ...person, password: 'a wrong guess' })
    await login.getByText('1 of 5 used').waitFor()
    expect(await login.getByLabel('Minutes to block').inputValue()).toBe('45')
    expect(await tab.page.getByLabel('Whose limits').inputValue()).toBe(person.email)

    await tab.press('Block login')
    await login.getByText(/Blocked for 4[45] min/).waitFor()
    await tab.sees(`${person.email} is denied everything under login for 45 min.`)
    expect((await signIn(visitor(), person)).status).toBe(429)
    await tab.press('Unblock login')
    await tab.sees('is no longer blocked under login')
    // Another form of the page leaves these limits where they are.
    await tab.fill({ Item: 'no-such-item' })
    await tab.press('Feature')
    await tab.sees('No published item has that address.')
    await login.getByText('1 of 5 used').waitFor()
  })

  it('the owner ramps up a flag, closes the site for everybody else, and opens it again', async () => {
    const { person } = await signedInPerson('Elsewhere Elsa')
    const elsewhere = await Tab.open(browser, screen)
    await elsewhere.signIn(person)
    await tab.signIn(sampleUser('grace'))
    await tab.goto('/admin')
    await tab.press('Feature flags', 'link')
    await tab.waitForPath('/admin/flags')
    await tab.picture('admin-flags')
    try {
      await tab.press('new-item-page', 'link')
      await tab.waitForPath('/admin/flags/new-item-page')
      await tab.fill({ Percentage: '101', Reason: 'Everybody likes it' })
      await tab.press('Save')
      await tab.sees('Nothing was saved. Look at what is marked.')
      await tab.fill({ Percentage: '100' })
      await tab.press('Save')
      await tab.sees('Saved.')
      await tab.sees('“Everybody likes it”')
      await tab.page.getByLabel('Role').selectOption('visitor')
      await tab.press('Evaluate')
      await tab.page.getByLabel('What the flag answers').getByText('true').waitFor()
      await tab.picture('admin-flag')
      await tab.goto('/admin/flags')
      await tab.fill({ 'Name of a new segment': 'sellers' })
      await tab.press('Write a segment')
      await tab.waitForPath('/admin/segments/sellers')
      await tab.fill({ Reason: 'To show them more' })
      await tab.press('Save')
      await tab.sees('“To show them more”')
      await tab.picture('admin-segment')
      await tab.page.getByText('Delete this segment').click()
      await tab.press('Delete segment')
      await tab.sees('“sellers” is deleted.')
      await elsewhere.goto('/browse')
      await elsewhere.page.getByRole('article').first().getByRole('link').click()
      await elsewhere.waitForPath(/^\/item\//)
      await elsewhere.page.locator('[data-layout="new"]').waitFor()
      await elsewhere.picture('item-new-layout')

      await tab.goto('/admin/flags')
      await tab.press('Enable maintenance-mode')
      await tab.sees('“maintenance-mode” is enabled.')
      // The page that is open asks for the next one by script, and a new one as any page.
      await elsewhere.press('Browse', 'link')
      await elsewhere.sees('We will be right back')
      expect((await elsewhere.page.goto('/browse'))?.status()).toBe(503)
      await elsewhere.sees('We will be right back')
      await elsewhere.picture('closed')
      await tab.press('Browse', 'link')
      await tab.waitForPath('/browse')

      await tab.goto('/admin/flags')
      await tab.press('Disable maintenance-mode')
      await tab.sees('“maintenance-mode” is disabled.')
      await elsewhere.press('Try again', 'link')
      await elsewhere.waitForPath('/browse')
      await elsewhere.settle()
      expect(await elsewhere.page.getByRole('article').count()).toBeGreaterThan(5)
    } finally {
      const owner = visitor()
      await signIn(owner, sampleUser('grace'))
      for (const [flag, fields] of [
        ['maintenance-mode', { withinSeconds: '5' }],
        ['new-item-page', { enabled: 'on', percentage: '0' }],
      ] as const) {
        const { text } = await owner.get(`/admin/flags/${flag}`)
        const [, version = ''] = /name="version" value="(\d+)"/.exec(text) ?? []
        const saved = await owner.postForm(`/admin/flags/${flag}?/save`, { version, ...fields })
        expect(saved.status).toBe(200)
      }
      expect(await elsewhere.close()).toEqual([])
    }
  })

  it('an unknown address shows a page that helps', async () => {
    expect(await tab.goto('/no/such/page')).toBe(404)
    await tab.picture('not-found')
    await tab.press('Browse', 'link')
    await tab.waitForPath('/browse')
  })

  it('the site is whole while KV is out', async () => {
    const { person } = await signedInPerson('Outage Ola')
    await visitor().postJson('/dev/kv-outage', { on: true })
    try {
      await tab.signIn(person)
      await tab.goto('/browse/courses')
      await tab.picture('kv-outage')
      expect(await tab.page.getByRole('article').count()).toBeGreaterThan(5)
    } finally {
      await visitor().postJson('/dev/kv-outage', { on: false })
    }
  })
})
