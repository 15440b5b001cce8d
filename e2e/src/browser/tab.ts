import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect, inject } from 'vitest'
import { noteSecret } from '../seen-secrets.ts'
import { visitor } from '../visitor.ts'
import type { Screen } from './screen.ts'

const screenshotFolder = join(import.meta.dirname, '../../screenshots')
const actionTimeoutMs = 15_000

/** One person's browser window on the site. */
export class Tab {
  readonly page: Page
  readonly #context: BrowserContext
  readonly #screen: Screen
  readonly #problems: string[] = []

  private constructor(page: Page, options: { context: BrowserContext; screen: Screen }) {
    this.page = page
    this.#context = options.context
    this.#screen = options.screen
    page.on('pageerror', (error) => this.#problems.push(`${page.url()}: ${error.message}`))
    page.on('console', (message) => {
      // Chromium reports each answer of 400 and above here; the tests look at those themselves.
      const isAnswer = message.text().startsWith('Failed to load resource')
      if (message.type() === 'error' && !isAnswer) {
        this.#problems.push(`${page.url()}: ${message.text()}`)
      }
    })
    page.on('request', (request) => {
      const url = new URL(request.url())
      if (url.protocol.startsWith('http') && url.origin !== new URL(inject('siteUrl')).origin) {
        this.#problems.push(`${page.url()} asked ${url.origin}`)
      }
    })
  }

  static async open(browser: Browser, screen: Screen): Promise<Tab> {
    const context = await browser.newContext({
      baseURL: inject('siteUrl'),
      viewport: screen.viewport,
      isMobile: screen.isMobile,
      hasTouch: screen.isMobile,
      reducedMotion: 'reduce',
      // An address of its own, so that the limits do not mix it up with others.
      extraHTTPHeaders: { 'cf-connecting-ip': visitor().clientIp },
    })
    context.setDefaultTimeout(actionTimeoutMs)
    return new Tab(await context.newPage(), { context, screen })
  }

  /** Opens a page and waits until its scripts run, so that what is pressed next is handled by them. */
  async goto(path: string): Promise<number> {
    const response = await this.page.goto(path)
    await this.settle()
    return response?.status() ?? 0
  }

  /** Waits until the page's scripts have taken over. */
  async settle(): Promise<void> {
    await this.page.waitForLoadState('networkidle')
    await this.page.locator('html[data-ready]').waitFor({ state: 'attached' })
  }

  /** Presses what has this name. */
  async press(name: string | RegExp, role: 'button' | 'link' = 'button'): Promise<void> {
    await this.page
      .getByRole(role, { name, exact: typeof name === 'string' })
      .first()
      .click()
  }

  async fill(fields: Readonly<Record<string, string>>): Promise<void> {
    for (const [label, value] of Object.entries(fields)) {
      await this.page.getByLabel(label, { exact: true }).fill(value)
    }
  }

  /** Waits until a text can be seen. */
  async sees(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor({ state: 'visible' })
  }

  async waitForPath(path: string | RegExp): Promise<void> {
    await this.page.waitForURL((url) =>
      typeof path === 'string' ? url.pathname === path : path.test(url.pathname),
    )
    await this.settle()
  }

  async signIn(person: { readonly email: string; readonly password: string }): Promise<void> {
    await this.goto('/sign-in')
    await this.fill({ 'E-mail': person.email, Password: person.password })
    await this.press('Sign in')
    await this.waitForPath('/')
  }

  /** Keeps a picture of the whole page, and checks what holds for every page at every width. */
  async picture(name: string): Promise<void> {
    await mkdir(screenshotFolder, { recursive: true })
    // The header sticks to the top of the window, which would be in the middle of the picture.
    await this.page.evaluate('scrollTo(0, 0)')
    await this.page.screenshot({
      path: join(screenshotFolder, `${this.#screen.name}-${name}.png`),
      fullPage: true,
    })
    const overflow = await this.page.evaluate<number>(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    )
    expect(overflow, `${name} can be scrolled sideways by ${overflow} px`).toBeLessThanOrEqual(0)
    const headings = await this.page.getByRole('heading', { level: 1 }).count()
    expect(headings, `main headings of ${name}`).toBe(1)
  }

  /** Closes the window and tells what went wrong in it: errors of scripts, broken rules, requests to elsewhere. */
  async close(): Promise<readonly string[]> {
    for (const { name, value } of await this.#context.cookies()) {
      if (name.includes('session')) noteSecret(value)
    }
    await this.#context.close()
    return this.#problems
  }
}
