import type { SampleItem } from './sample-item.ts'

export const writing: readonly SampleItem[] = [
  {
    slug: 'notes-on-small-software',
    title: 'Notes on Small Software',
    summary: 'An essay on programs that are finished, and why so few are allowed to be.',
    paragraphs: [
      'I keep a list of programs that have not changed in five years and that I use every day. It is a short list, and nothing on it has a roadmap. This essay is about what those programs have in common.',
      'Part of the answer is scope, part is who pays. The longest part is about nerve: the moment when the next feature is easy, asked for, and wrong.',
      'Twenty-four pages, set for reading on paper or on a phone.',
    ],
    priceCents: 600,
    creator: 'ada',
    ageDays: 15,
    featured: true,
  },
  {
    slug: 'the-quiet-changelog',
    title: 'The Quiet Changelog',
    summary: 'How to write release notes that people read, with forty before-and-after examples.',
    paragraphs: [
      '“Various improvements” is a way of saying that nobody was asked. The zine takes forty real release notes apart and puts them back together in half the words.',
      'At the end there is a one-page guide to hang beside your monitor.',
    ],
    priceCents: 500,
    creator: 'ada',
    ageDays: 88,
  },
  {
    slug: 'drummers-walk-slowly',
    title: 'Drummers Walk Slowly',
    summary: 'A zine about tempo outside music: kitchens, queues, rowing clubs.',
    paragraphs: [
      'For a month I carried a metronome and asked people whether they were in a hurry. The answers are printed here with the number they were walking at.',
      'Photographs, two interviews and a score for eight pairs of shoes.',
    ],
    priceCents: 800,
    creator: 'mateo',
    ageDays: 132,
  },
  {
    slug: 'what-the-caption-owes',
    title: 'What the Caption Owes',
    summary:
      'An essay on truth in documentary captions, and on the pictures that should not have one.',
    paragraphs: [
      'A caption can turn a bystander into a suspect. I went through ten years of my own and found eleven that I would now write differently, and two that I would take back.',
      'They are all here, with the originals beside them.',
    ],
    priceCents: 700,
    creator: 'ingrid',
    ageDays: 49,
  },
  {
    slug: 'paper-sizes-of-the-world',
    title: 'Paper Sizes of the World',
    summary: 'A pocket reference with opinions. Free to download, fold and give away.',
    paragraphs: [
      'A4 is a beautiful idea about the square root of two. Letter is an accident that works. The rest of the world has stranger and better sizes, and this fold-out has thirty of them at true proportion.',
      'Print it on one sheet of either, which is part of the joke.',
    ],
    priceCents: 0,
    creator: 'yuki',
    ageDays: 214,
  },
  {
    slug: 'letters-to-a-new-maintainer',
    title: 'Letters to a New Maintainer',
    summary:
      'Twelve short letters on inheriting an open-source project without inheriting its guilt.',
    paragraphs: [
      'You now own four hundred open issues. You do not owe four hundred answers. The letters are about triage, saying no in public, releasing on a schedule you can keep, and finding the second person.',
      'Written after handing over a project of my own, badly the first time.',
    ],
    priceCents: 900,
    creator: 'ada',
    ageDays: 167,
  },
  {
    slug: 'a-year-of-one-window',
    title: 'A Year of One Window',
    summary:
      'Fifty-two photographs of the same view and the fifty-two sentences that go with them.',
    paragraphs: [
      'Every Sunday at nine, from the same tripod marks on the floor. Mostly it is weather. In week thirty-one a neighbour waves, and after that it is about him.',
      'Sixty pages, sequenced to be read in one sitting.',
    ],
    priceCents: 1400,
    creator: 'ingrid',
    ageDays: 256,
  },
  {
    slug: 'field-recording-etiquette',
    title: 'Field Recording Etiquette',
    summary: 'A short zine on permission, patience and putting the microphone away.',
    paragraphs: [
      'Sound does not stop at a garden fence, and neither does a good microphone. Sixteen pages on when to ask, what to do with a voice you did not mean to record, and why you should always stay for the coffee.',
      'Illustrated with diagrams that are only partly serious.',
    ],
    priceCents: 400,
    creator: 'mateo',
    ageDays: 292,
  },
  {
    slug: 'the-grid-is-a-promise',
    title: 'The Grid Is a Promise',
    summary: 'An essay for designers who have to hand their layouts to somebody else.',
    paragraphs: [
      'A grid is not there to align things. It is there so that the next person can guess where you would have put it. Seen that way, most grids have too many columns and too few reasons.',
      'With nine worked layouts, each shown once as designed and once after a stranger has edited it.',
    ],
    priceCents: 700,
    creator: 'yuki',
    ageDays: 29,
  },
  {
    slug: 'errors-i-have-apologised-for',
    title: 'Errors I Have Apologised For',
    summary: 'A collection of error messages, and of what they should have said.',
    paragraphs: [
      'Collected over a decade, sorted by who was to blame. The rule that came out of it is simple: say what was wanted, say what came, and never say “oops”.',
      'A draft for now. The chapter on payment failures needs permission from two people who were very upset at the time.',
    ],
    priceCents: 600,
    creator: 'ada',
    ageDays: 9,
    draft: true,
  },
]
