/** A screen that people use the site on. */
export interface Screen {
  readonly name: 'desktop' | 'phone'
  readonly viewport: { readonly width: number; readonly height: number }
  readonly isMobile: boolean
}

export const screens: readonly Screen[] = [
  { name: 'desktop', viewport: { width: 1280, height: 800 }, isMobile: false },
  { name: 'phone', viewport: { width: 390, height: 844 }, isMobile: true },
]
