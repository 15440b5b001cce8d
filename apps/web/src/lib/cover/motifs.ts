import type { Palette } from './palettes.ts'
import type { Random } from './random.ts'

const coverWidth = 320
const coverHeight = 400

/** One filled or stroked path of a cover. */
export interface CoverPath {
  readonly d: string
  readonly fill: string
  readonly stroke?: string
  readonly strokeWidth?: number
}

export type Motif = (random: Random, palette: Palette) => CoverPath[]

const round = (value: number) => Math.round(value * 10) / 10

function circle(x: number, y: number, radius: number): string {
  const r = round(radius)
  return `M${round(x - r)} ${round(y)}a${r} ${r} 0 1 0 ${round(2 * r)} 0a${r} ${r} 0 1 0 ${round(-2 * r)} 0z`
}

function shuffled(random: Random, palette: Palette): readonly [string, string, string] {
  const [a, b, c] = palette.colours
  return random.pick([
    [a, b, c],
    [b, c, a],
    [c, a, b],
    [b, a, c],
  ])
}

/** Rings around a centre off the middle, with a body on one of them. */
export const orbits: Motif = (random, palette) => {
  const [first, second, third] = shuffled(random, palette)
  const x = random.between(60, 260)
  const y = random.between(110, 290)
  const paths: CoverPath[] = []
  const colours = [palette.dark, first, palette.ground, third, second]
  const step = random.between(38, 52)
  for (let ring = 6; ring >= 1; ring -= 1) {
    paths.push({ d: circle(x, y, ring * step), fill: colours[ring % colours.length] ?? first })
  }
  const angle = random.between(0, Math.PI * 2)
  const distance = step * random.integer(2, 3)
  paths.push({
    d: circle(x + Math.cos(angle) * distance, y + Math.sin(angle) * distance, step * 0.42),
    fill: second,
  })
  return paths
}

/** Layers of hills in front of a low sun. */
export const strata: Motif = (random, palette) => {
  const [first, second, third] = shuffled(random, palette)
  const paths: CoverPath[] = [
    {
      d: circle(random.between(80, 240), random.between(95, 165), random.between(46, 78)),
      fill: second,
    },
  ]
  const layers = [third, first, second, palette.dark]
  for (const [index, fill] of layers.entries()) {
    const base = 185 + index * 56
    const swing = random.between(22, 46) * (random.next() < 0.5 ? -1 : 1)
    const left = round(base + random.between(-18, 18))
    const right = round(base + random.between(-18, 18))
    paths.push({
      d: `M0 ${left}C${round(random.between(70, 120))} ${round(base - swing)} ${round(random.between(190, 250))} ${round(base + swing)} 320 ${right}V400H0z`,
      fill,
    })
  }
  return paths
}

/** Quarter circles, halves and discs on a grid of four by five. */
export const tiles: Motif = (random, palette) => {
  const paths: CoverPath[] = []
  const size = 80
  const fills = [...palette.colours, palette.dark] as const
  for (let row = 0; row < 5; row += 1) {
    for (let column = 0; column < 4; column += 1) {
      const x = column * size
      const y = row * size
      const fill = random.pick([fills[0], fills[1], fills[2], fills[0], fills[3]])
      const shape = random.integer(0, 7)
      if (shape === 0) paths.push({ d: `M${x} ${y}h80a80 80 0 0 1-80 80z`, fill })
      else if (shape === 1) paths.push({ d: `M${x + size} ${y}v80a80 80 0 0 1-80-80z`, fill })
      else if (shape === 2)
        paths.push({ d: `M${x + size} ${y + size}h-80a80 80 0 0 1 80-80z`, fill })
      else if (shape === 3) paths.push({ d: `M${x} ${y + size}v-80a80 80 0 0 1 80 80z`, fill })
      else if (shape === 4) paths.push({ d: circle(x + 40, y + 40, 40), fill })
      else if (shape === 5) paths.push({ d: `M${x} ${y + 40}a40 40 0 0 1 80 0z`, fill })
      else if (shape === 6) paths.push({ d: `M${x} ${y}h80v80h-80z`, fill })
    }
  }
  return paths
}

/** Round-ended bars of a meter standing around the middle line. */
export const bars: Motif = (random, palette) => {
  const [first, second, third] = shuffled(random, palette)
  const count = random.pick([7, 8, 9])
  const pitch = 320 / (count + 1)
  const width = round(pitch * 0.62)
  const phase = random.between(0, Math.PI * 2)
  const beat = random.between(0.7, 1.25)
  const paths: CoverPath[] = []
  for (let bar = 0; bar < count; bar += 1) {
    const x = round(pitch * (bar + 1))
    const half = 34 + 110 * Math.abs(Math.sin(phase + bar * beat)) + random.between(-10, 14)
    const fill = bar % 3 === 0 ? second : bar % 3 === 1 ? first : third
    paths.push({
      d: `M${x} ${round(200 - half)}V${round(200 + half)}`,
      fill: 'none',
      stroke: fill,
      strokeWidth: width,
    })
  }
  return paths
}

/** Petals turned around one point. */
export const petals: Motif = (random, palette) => {
  const [first, second, third] = shuffled(random, palette)
  const x = random.between(120, 200)
  const y = random.between(160, 235)
  const paths: CoverPath[] = []
  const rings = [
    { count: random.pick([8, 10, 12]), length: random.between(165, 205), width: 46, fill: first },
    { count: random.pick([6, 8]), length: random.between(100, 125), width: 38, fill: third },
  ]
  for (const { count, length, width, fill } of rings) {
    const start = random.between(0, Math.PI)
    for (let petal = 0; petal < count; petal += 1) {
      const angle = start + (petal / count) * Math.PI * 2
      const point = (along: number, aside: number) =>
        `${round(x + Math.cos(angle) * along - Math.sin(angle) * aside)} ${round(y + Math.sin(angle) * along + Math.cos(angle) * aside)}`
      const tip = point(length, 0)
      paths.push({
        d: `M${round(x)} ${round(y)}Q${point(length * 0.55, width)} ${tip}Q${point(length * 0.55, -width)} ${round(x)} ${round(y)}z`,
        fill,
      })
    }
  }
  paths.push({ d: circle(x, y, 34), fill: palette.dark }, { d: circle(x, y, 15), fill: second })
  return paths
}

/** Cubes stacked in isometric projection. */
export const blocks: Motif = (random, palette) => {
  const [top, left, right] = [palette.colours[0], palette.dark, palette.colours[1]]
  const accent = palette.colours[2]
  const paths: CoverPath[] = []
  const half = 53.4
  const rise = 30.8
  for (let row = 0; row < 5; row += 1) {
    for (let column = -1; column < 4; column += 1) {
      const height = random.integer(0, 3) * 30
      const x = column * half * 2 + (row % 2 === 0 ? half : 0)
      const y = 120 + row * rise * 2.05 - height
      const at = (dx: number, dy: number) => `${round(x + dx)} ${round(y + dy)}`
      paths.push(
        {
          d: `M${at(0, 0)}L${at(half, rise)}V420L${round(x)} 420z`,
          fill: left,
        },
        { d: `M${at(half, rise)}L${at(half * 2, 0)}V420H${round(x + half)}z`, fill: right },
        {
          d: `M${at(half, -rise)}L${at(half * 2, 0)}L${at(half, rise)}L${at(0, 0)}z`,
          fill: random.next() < 0.24 ? accent : top,
        },
      )
    }
  }
  return paths
}

/** A sheaf of parallel lines that swells and narrows. */
export const threads: Motif = (random, palette) => {
  const [first, second, third] = shuffled(random, palette)
  const paths: CoverPath[] = [
    {
      d: circle(random.between(90, 230), random.between(120, 280), random.between(80, 120)),
      fill: third,
    },
  ]
  const count = random.pick([16, 18, 20])
  const lean = random.between(-120, 120)
  const pinch = random.between(0.25, 0.6)
  for (let line = 0; line < count; line += 1) {
    const at = line / (count - 1) - 0.5
    const start = 160 + at * 470
    const middle = 160 + lean + at * 470 * pinch
    const end = 160 - lean * 0.4 + at * 420
    paths.push({
      d: `M${round(start)}-10C${round(start)} 130 ${round(middle)} 130 ${round(middle)} 205S${round(end)} 300 ${round(end)} 410`,
      fill: 'none',
      stroke: line % 5 === 2 ? second : first,
      strokeWidth: line % 5 === 2 ? 6 : 3,
    })
  }
  return paths
}

/** Sheets of paper folded over each other from the corners. */
export const folds: Motif = (random, palette) => {
  const [first, second, third] = shuffled(random, palette)
  const mirrorX = random.next() < 0.5
  const mirrorY = random.next() < 0.35
  const at = (x: number, y: number) =>
    `${round(mirrorX ? coverWidth - x : x)} ${round(mirrorY ? coverHeight - y : y)}`
  const sheet = (fill: string, ...points: readonly (readonly [number, number])[]) => ({
    d: `M${points.map(([x, y]) => at(x, y)).join('L')}z`,
    fill,
  })
  const x = random.between(105, 215)
  const y = random.between(140, 260)
  const left = random.between(90, 220)
  const right = random.between(110, 230)
  const top = random.between(170, 300)
  const sunX = mirrorX ? coverWidth - random.between(70, 130) : random.between(70, 130)
  const sunY = mirrorY ? coverHeight - random.between(58, 90) : random.between(58, 90)
  return [
    // The lower sheet reaches under its neighbours, so that no seam shows between two of one colour.
    sheet(palette.dark, [0, left], [x, y], [320, right], [320, 400], [0, 400]),
    sheet(first, [0, left], [x, y], [0, 400]),
    sheet(second, [320, right], [x, y], [320, 400]),
    sheet(third, [320, right], [x, y], [top, 0], [320, 0]),
    { d: circle(sunX, sunY, random.between(26, 46)), fill: second },
  ]
}
