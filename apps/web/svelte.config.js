import adapter from '@sveltejs/adapter-cloudflare'

/** @type {import('@sveltejs/kit').Config} */
export default {
  kit: {
    adapter: adapter(),
    csp: {
      mode: 'auto',
      directives: {
        'default-src': ['none'],
        'script-src': ['self'],
        'style-src': ['self'],
        // Kit's route announcer and `style` attributes with custom properties; they cannot run code.
        'style-src-attr': ['unsafe-inline'],
        'img-src': ['self', 'data:'],
        'font-src': ['self'],
        'connect-src': ['self'],
        'manifest-src': ['self'],
        'base-uri': ['self'],
        'object-src': ['none'],
        // A form's redirect is checked too, and buying redirects to Stripe's checkout.
        'form-action': ['self', 'https://checkout.stripe.com'],
        'frame-ancestors': ['none'],
      },
    },
  },
}
