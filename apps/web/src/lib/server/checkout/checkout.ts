/** Who buys. */
export interface CheckoutUser {
  readonly id: string
  readonly email: string
}

/** What is bought. */
export interface CheckoutItem {
  readonly id: string
  readonly slug: string
  readonly title: string
  readonly summary: string
  readonly priceCents: number
  readonly currency: string
}

/** Takes a buyer to where they pay. What they bought is recorded by the payment's webhook, never here. */
export interface Checkout {
  start(order: {
    readonly user: CheckoutUser
    readonly item: CheckoutItem
    readonly origin: string
  }): Promise<{ readonly url: string }>
}
