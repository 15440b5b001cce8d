/** A ground, three colours that stand on it, and one dark for weight. */
export interface Palette {
  readonly ground: string
  readonly colours: readonly [string, string, string]
  readonly dark: string
}

/** Three related palettes for each family, so that a category has a look and its items still differ. */
export const paletteFamilies: readonly (readonly [Palette, ...Palette[]])[] = [
  [
    { ground: '#f4562f', colours: ['#ffd7c2', '#1e1b3a', '#ffb000'], dark: '#1e1b3a' },
    { ground: '#ffd7c2', colours: ['#f4562f', '#8c1d2f', '#ff9e5e'], dark: '#35102a' },
    { ground: '#2a1233', colours: ['#f4562f', '#ffb08a', '#8c2f55'], dark: '#14071a' },
  ],
  [
    { ground: '#0f5c4c', colours: ['#d9f2c4', '#f3c64b', '#2f9b7a'], dark: '#062a25' },
    { ground: '#dcead2', colours: ['#0f5c4c', '#f07b4a', '#7db58d'], dark: '#0b3a33' },
    { ground: '#f3c64b', colours: ['#0f5c4c', '#fff4d1', '#e0703a'], dark: '#12352f' },
  ],
  [
    { ground: '#1d3fbf', colours: ['#ffffff', '#ff8fa6', '#7fb2ff'], dark: '#0a1a5c' },
    { ground: '#cfe0ff', colours: ['#1d3fbf', '#ff6b57', '#ffffff'], dark: '#0c2170' },
    { ground: '#0b1a4a', colours: ['#7fb2ff', '#ffd25e', '#3a62e0'], dark: '#050d29' },
  ],
  [
    { ground: '#f7d9e3', colours: ['#c2255c', '#3b1f5b', '#ff9f6b'], dark: '#3b1f5b' },
    { ground: '#c2255c', colours: ['#ffd9e0', '#ffc145', '#5c1246'], dark: '#3a0b2e' },
    { ground: '#3b1f5b', colours: ['#ff8fb1', '#c9b6ff', '#ffc145'], dark: '#1c0d30' },
  ],
  [
    { ground: '#efe6d2', colours: ['#1b1b1b', '#d9381e', '#b8a57a'], dark: '#1b1b1b' },
    { ground: '#1c1d20', colours: ['#efe6d2', '#d9381e', '#6f6a5c'], dark: '#0c0c0d' },
    { ground: '#d9381e', colours: ['#efe6d2', '#1c1d20', '#f59a7c'], dark: '#1c1d20' },
  ],
  [
    { ground: '#bfe7ea', colours: ['#0b6e84', '#ff7a59', '#ffffff'], dark: '#083f4d' },
    { ground: '#0b5a6e', colours: ['#bff0e6', '#ffb84d', '#1f93a6'], dark: '#04303b' },
    { ground: '#ffe9c7', colours: ['#0b6e84', '#f2693f', '#64c2c7'], dark: '#0a3c49' },
  ],
  [
    { ground: '#e3e0f7', colours: ['#5136c9', '#f2a71b', '#a99bf0'], dark: '#25166b' },
    { ground: '#5136c9', colours: ['#e3dcff', '#ffca58', '#8f78ff'], dark: '#1f1163' },
    { ground: '#20164f', colours: ['#a99bf0', '#ff7d6e', '#5a45d6'], dark: '#0e0928' },
  ],
  [
    { ground: '#e8efb0', colours: ['#3f6212', '#e2572b', '#a3b84a'], dark: '#1f300a' },
    { ground: '#35520f', colours: ['#e8efb0', '#f5a524', '#7fa035'], dark: '#172406' },
    { ground: '#f5a524', colours: ['#35520f', '#fff1cf', '#d2541f'], dark: '#24340c' },
  ],
]
