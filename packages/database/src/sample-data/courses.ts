import type { SampleItem } from './sample-item.ts'

export const courses: readonly SampleItem[] = [
  {
    slug: 'css-layout-from-first-principles',
    title: 'CSS Layout from First Principles',
    summary:
      'Stop guessing at flexbox. Nine short lessons that build the browser’s layout model in your head.',
    paragraphs: [
      'Most layout bugs come from one missing idea: who decides the size, the parent or the child. We start there, with plain blocks and no framework, and add one rule at a time until flexbox and grid stop being two lists of properties to remember.',
      'Every lesson is a page you can open and break. You get the broken version, a hint, and a recording of me repairing it while saying out loud what I expected to happen and what did.',
      'You need to have written some HTML. You do not need a build tool, an account anywhere, or a fast computer.',
    ],
    priceCents: 4900,
    creator: 'ada',
    ageDays: 41,
    featured: true,
  },
  {
    slug: 'sqlite-for-people-who-ship',
    title: 'SQLite for People Who Ship',
    summary: 'Schema, indexes, migrations and backups for a small product that has real users.',
    paragraphs: [
      'You will take one booking app from an empty file to a database that survives a bad deploy. Along the way: which indexes a query can use, why your counts are slow, and how to change a table while people are writing to it.',
      'The last module is a fire drill. I give you a corrupted copy, a vague support ticket and forty minutes.',
    ],
    priceCents: 5900,
    creator: 'ada',
    ageDays: 112,
  },
  {
    slug: 'your-first-synth-patch',
    title: 'Your First Synth Patch',
    summary: 'Subtractive synthesis in an afternoon, with any free software synthesizer.',
    paragraphs: [
      'One oscillator, one filter, one envelope. By the end you will have made a bass, a pluck and a pad, and you will know which knob to reach for when a sound is almost right.',
      'Everything is demonstrated on a free instrument, and the exercises name controls that every synth has. Bring headphones, since laptop speakers hide half of what a filter does.',
    ],
    priceCents: 0,
    creator: 'mateo',
    ageDays: 203,
  },
  {
    slug: 'mixing-drums-in-small-rooms',
    title: 'Mixing Drums in Small Rooms',
    summary: 'Get a kit that punches out of recordings made in a bedroom, without replacing it.',
    paragraphs: [
      'Small rooms are short echoes and a low end that lies. The first half is about hearing that: phase between close and overhead microphones, where the box is, and what to cut before you reach for compression.',
      'The second half mixes the same take three ways, dry and close, roomy, and crushed, and compares what each decision cost. The multitrack is included so that you can disagree with me.',
      'About three hours in eleven parts. Any audio workstation will do.',
    ],
    priceCents: 6900,
    creator: 'mateo',
    ageDays: 17,
    featured: true,
  },
  {
    slug: 'documentary-photography-a-practical-start',
    title: 'Documentary Photography: A Practical Start',
    summary:
      'Find a story near you, get permission, and come home with pictures that belong together.',
    paragraphs: [
      'This is a course about the parts that nobody photographs: writing to strangers, waiting, choosing twelve pictures out of nine hundred, and captions that are true.',
      'You will work on one story within walking distance for four weeks. Each week has a short talk, an assignment, and an edit of my own work with the rejected frames left in.',
    ],
    priceCents: 7900,
    creator: 'ingrid',
    ageDays: 268,
  },
  {
    slug: 'colour-grading-for-one-person-crews',
    title: 'Colour Grading for One-Person Crews',
    summary: 'A repeatable grade for people who shoot, edit and deliver alone, often by Friday.',
    paragraphs: [
      'We grade a four-minute portrait film shot on two cameras that do not match. Balance first, then contrast, then one look applied late and lightly, in an order that survives the client’s changes.',
      'You get the ungraded clips, the project file and a checklist that fits on one card.',
    ],
    priceCents: 5400,
    creator: 'ingrid',
    ageDays: 74,
  },
  {
    slug: 'lettering-with-a-broad-nib',
    title: 'Lettering with a Broad Nib',
    summary:
      'Six sessions on rhythm, spacing and the foundational hand, with practice sheets to print.',
    paragraphs: [
      'A broad nib teaches what no screen can: contrast comes from the angle of the tool, and spacing is the white you leave. We write slowly, one stroke family at a time.',
      'The practice sheets are drawn for A4 and US letter, and the last session turns your best alphabet into a small broadside.',
    ],
    priceCents: 3200,
    creator: 'yuki',
    ageDays: 331,
  },
  {
    slug: 'blender-still-life-in-a-weekend',
    title: 'Blender: A Still Life in a Weekend',
    summary: 'Model, light and render a kitchen table that looks like somebody just left it.',
    paragraphs: [
      'Saturday is modelling: a cup, a cloth, two pears, nothing above six hundred faces. Sunday is light, and most of the course is Sunday.',
      'We stop at a still image on purpose. Finishing one picture teaches more than starting an animation.',
      'Made with the current long-term release of Blender, with every shortcut shown on screen.',
    ],
    priceCents: 3900,
    creator: 'yuki',
    ageDays: 149,
  },
  {
    slug: 'accessible-forms-that-people-finish',
    title: 'Accessible Forms That People Finish',
    summary: 'Labels, errors, focus and autofill, tested with a keyboard and two screen readers.',
    paragraphs: [
      'We rebuild a checkout form that loses a third of its visitors. Each change is small and measured against recordings of people using it: a label that stays, an error that says what to do, a focus ring that nobody turned off.',
      'The final form is yours to copy, in plain HTML with two dozen lines of script.',
    ],
    priceCents: 2900,
    creator: 'ada',
    ageDays: 8,
  },
  {
    slug: 'reading-code-you-did-not-write',
    title: 'Reading Code You Did Not Write',
    summary: 'A method for getting useful in an unfamiliar codebase within two days.',
    paragraphs: [
      'Outline and first three lessons. The idea: follow one request from the edge to the database and back, and write down every name that surprised you.',
      'Still to record: the lesson on reading tests first, and the live session on a repository that I have never seen.',
    ],
    priceCents: 4500,
    creator: 'ada',
    ageDays: 3,
    draft: true,
  },
]
