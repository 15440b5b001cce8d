import type { SampleItem } from './sample-item.ts'

export const photoPresets: readonly SampleItem[] = [
  {
    slug: 'north-light',
    title: 'North Light',
    summary: 'Twelve presets for overcast days: honest skin, deep greens, no grey veil.',
    paragraphs: [
      'Flat light is not bad light. These presets lift contrast in the midtones, where faces are, and leave the sky its weight.',
      'Built on four years of assignments on the west coast, where the sun is a rumour. Each one comes in a soft and a firm version, and all of them keep white balance untouched so that you can apply them to a whole series.',
    ],
    priceCents: 2400,
    creator: 'ingrid',
    ageDays: 33,
    featured: true,
  },
  {
    slug: 'portra-evenings',
    title: 'Warm Negative Evenings',
    summary: 'The late-afternoon look of warm colour negative film, measured against real scans.',
    paragraphs: [
      'I photographed the same colour chart and the same three friends on film and on two digital cameras, and matched them patch by patch. The shadows go gently green, the highlights hold on to yellow, and skin stays skin.',
      'Six presets and a grain setting for each common sensor size.',
    ],
    priceCents: 2800,
    creator: 'ingrid',
    ageDays: 121,
  },
  {
    slug: 'silver-street',
    title: 'Silver Street',
    summary: 'Black and white for the street, from pushed and gritty to long and quiet.',
    paragraphs: [
      'Eight conversions that start from how a red, a blue and a face should relate, instead of from a contrast slider. Two are deliberately hard, for noon.',
      'The guide shows one picture in all eight, with a sentence on when I would use each.',
    ],
    priceCents: 1900,
    creator: 'ingrid',
    ageDays: 176,
  },
  {
    slug: 'weekday-lunch',
    title: 'Weekday Lunch',
    summary: 'Food presets for window light and no stylist.',
    paragraphs: [
      'Bread looks baked, greens look fresh and the plate stays white. There is one preset for daylight, one for the mixed light of most restaurants, and one that rescues what a phone did under a warm bulb.',
      'Included: a one-page note on where to sit.',
    ],
    priceCents: 1200,
    creator: 'yuki',
    ageDays: 59,
  },
  {
    slug: 'newsroom-neutral',
    title: 'Newsroom Neutral',
    summary: 'A free, restrained starting point that no editor will send back.',
    paragraphs: [
      'One preset, four strengths. It corrects lens and exposure, sets a gentle curve, and changes nothing that would count as altering a picture.',
      'I give it away because it is what I wish every student had on the first day.',
    ],
    priceCents: 0,
    creator: 'ingrid',
    ageDays: 244,
  },
  {
    slug: 'snow-and-skin',
    title: 'Snow and Skin',
    summary:
      'For people in bright winter scenes: exposure that trusts the snow, and faces that are not blue.',
    paragraphs: [
      'A camera sees snow and panics. These presets separate the scene by luminance, keep texture in the brightest stop, and warm only what reflects less than the snow does.',
      'Tested on eleven skin tones, in sun, shade and blizzard.',
      'Made for raw files. On JPEG they work, with less room at the top.',
    ],
    priceCents: 2200,
    creator: 'ingrid',
    ageDays: 318,
  },
  {
    slug: 'museum-evening',
    title: 'Museum Evening',
    summary: 'Low, mixed, untouchable light: presets for places where you may not bring your own.',
    paragraphs: [
      'Tungsten spots, green exit signs and one window. The set fixes the worst mixture first and then offers three moods, from documentary to theatrical.',
      'Noise reduction is mild on purpose. Grain in the dark reads as air.',
    ],
    priceCents: 1700,
    creator: 'ingrid',
    ageDays: 90,
  },
  {
    slug: 'risograph-colours',
    title: 'Risograph Colours',
    summary: 'Two-ink looks for zines and posters, with the ink swatches to print them for real.',
    paragraphs: [
      'Ten pairs of inks, from fluorescent pink and teal to plain black and sunflower. The presets simulate overprint, and the included profiles separate your picture into two plates when you are ready to print.',
      'The misregistration is a slider. Zero is allowed.',
    ],
    priceCents: 1600,
    creator: 'yuki',
    ageDays: 20,
    featured: true,
  },
  {
    slug: 'ferry-crossing',
    title: 'Ferry Crossing',
    summary: 'Blue hour on the water, five presets that leave lamps warm and metal cold.',
    paragraphs: [
      'Made from one sequence of forty pictures taken between Bergen and the islands in November. They like horizons, wet decks and windows.',
      'If your picture has no lamp in it, start with number four.',
    ],
    priceCents: 1500,
    creator: 'ingrid',
    ageDays: 207,
  },
  {
    slug: 'allotment-greens',
    title: 'Allotment Greens',
    summary: 'Garden presets that tell one green from another.',
    paragraphs: [
      'Digital greens collapse into a single lawn. These spread them out again, from moss to lettuce, with a gentle hand on yellow so that late summer does not turn into a filter.',
      'Seven presets, and a brush for polytunnels.',
    ],
    priceCents: 1300,
    creator: 'ingrid',
    ageDays: 283,
  },
]
