/**
 * The low skyline under the flag: far hills, a town, and near roofs with swallow-tail ridges between banyan trees.
 * Silhouettes only, 1440 x 180, anchored at the bottom and cut at the sides on narrow screens.
 */

interface Block {
  x: number
  width: number
  height: number
}

/** The town: widths and heights by a small fixed sequence, lowest in the middle where the flag stands. */
function town(): Block[] {
  const blocks: Block[] = []
  let seed = 7
  const next = (low: number, high: number) => {
    seed = (seed * 16807) % 2147483647
    return low + Math.floor((seed / 2147483647) * (high - low))
  }
  for (let x = -10; x < 1450; ) {
    const width = next(18, 46)
    const apart = Math.abs(x + width / 2 - 720) / 720
    blocks.push({ x, width, height: next(16, 34) + Math.round(apart * next(14, 54)) })
    x += width + next(-3, 7)
  }
  return blocks
}

const BLOCKS = town()
const BASE = 148

const townPath = BLOCKS.map(({ x, width, height }) => `M${x} ${BASE}v${-height}h${width}v${height}z`).join('')

/** A few windows still lit before dawn. */
const windows = BLOCKS.filter((block, i) => i % 3 === 0 && block.height > 30)
  .map(({ x, width, height }) => `M${x + Math.round(width / 3)} ${BASE - height + 8}h3v4h-3zM${x + Math.round((2 * width) / 3)} ${BASE - height + 18}h3v4h-3z`)
  .join('')

/** A house with a swallow-tail ridge: `x` its left wall, `w` its width, `y` its eaves. */
function roof(x: number, w: number, y: number): string {
  const m = x + w / 2
  return (
    `M${x - 12} ${y + 4}Q${x + 4} ${y + 2} ${x + 10} ${y - 15}L${x - 2} ${y - 25}Q${x + 14} ${y - 19} ${x + 20} ${y - 18}` +
    `Q${m} ${y - 11} ${x + w - 20} ${y - 18}Q${x + w - 14} ${y - 19} ${x + w + 2} ${y - 25}L${x + w - 10} ${y - 15}` +
    `Q${x + w - 4} ${y + 2} ${x + w + 12} ${y + 4}L${x + w} ${y + 4}V180H${x}V${y + 4}z`
  )
}

/** A banyan: a wide crown of overlapping rounds on a short trunk. */
function tree(x: number, y: number, r: number): string {
  const round = (cx: number, cy: number, radius: number) =>
    `M${cx - radius} ${cy}a${radius} ${radius} 0 1 1 ${2 * radius} 0a${radius} ${radius} 0 1 1 ${-2 * radius} 0z`
  return (
    round(x - r, y, r * 0.8) + round(x, y - r * 0.5, r) + round(x + r, y, r * 0.8) + round(x + 0.3 * r, y + 0.2 * r, r) +
    `M${x - 3} ${y}h6V180h-6z`
  ).replace(/\d+\.\d+/g, (n) => String(Math.round(Number(n) * 10) / 10))
}

const near =
  roof(60, 120, 146) + roof(230, 150, 140) + tree(424, 140, 15) + tree(462, 146, 11) + roof(506, 88, 150) + tree(890, 143, 12) +
  tree(918, 147, 9) + roof(800, 76, 153) + tree(985, 142, 14) + roof(1030, 150, 140) + tree(1222, 142, 16) + roof(1262, 120, 147)

export const skyline =
  '<svg class="skyline" viewBox="0 0 1440 180" preserveAspectRatio="xMidYMax slice" aria-hidden="true">' +
  '<path class="hills" d="M0 118C90 92 150 70 232 66c70-4 104 34 172 40 62 5 108-26 176-22 70 4 112 30 176 28 76-2 116-48 196-52 82-4 132 44 204 40 72-4 116-36 176-34 48 2 80 16 108 28V180H0z"/>' +
  `<path class="town" d="${townPath}M0 ${BASE - 2}h1440v40H0z"/><path class="windows" d="${windows}"/>` +
  `<path class="near" d="${near}M0 152Q720 158 1440 152V180H0z"/></svg>`
