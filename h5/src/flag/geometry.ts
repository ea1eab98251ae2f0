/**
 * The national flag, drawn by its law (国旗法 附件《国旗制法说明》).
 *
 * The flag is 3:2. Its upper hoist quarter is 15 x 10 squares, so the whole is 30 x 20. The large star's centre
 * is 5 from the top and 5 from the hoist, its circle's radius 3. The four small stars have radius 1, their centres
 * lie at (10,2) (12,4) (12,7) (10,9), and each points with one tip at the large star's centre.
 * Nothing here may stretch, crop, tint or turn it.
 */

export const WIDTH = 30
export const HEIGHT = 20
export const RED = '#DE2910'
export const GOLD = '#FFDE00'

export interface Star {
  /** Centre, in grid squares from the upper hoist corner. */
  x: number
  y: number
  radius: number
  /** Direction of one tip, radians, 0 to the fly, growing downwards as in SVG. */
  tip: number
}

export interface Point {
  x: number
  y: number
}

const LARGE = { x: 5, y: 5 }
const SMALL: Point[] = [{ x: 10, y: 2 }, { x: 12, y: 4 }, { x: 12, y: 7 }, { x: 10, y: 9 }]

// In a regular five-pointed star the inner corners lie on a circle of sin 18° / sin 54° of the outer radius.
const INNER = Math.sin(Math.PI / 10) / Math.sin((3 * Math.PI) / 10)

/** The large star first, then the small ones from top to bottom. */
export const STARS: Star[] = [
  { ...LARGE, radius: 3, tip: -Math.PI / 2 },
  ...SMALL.map((centre) => ({ ...centre, radius: 1, tip: Math.atan2(LARGE.y - centre.y, LARGE.x - centre.x) })),
]

/** The ten corners of a star, outer and inner in turn, from its tip. */
export function corners(star: Star): Point[] {
  return Array.from({ length: 10 }, (_, i) => {
    const angle = star.tip + (i * Math.PI) / 5
    const radius = i % 2 ? star.radius * INNER : star.radius
    return { x: star.x + radius * Math.cos(angle), y: star.y + radius * Math.sin(angle) }
  })
}

/** All five stars as one path. Five decimals are a hundredth of a millimetre on a flag of 30 metres. */
export const STARS_PATH = STARS.map(
  (star) => 'M' + corners(star).map(({ x, y }) => `${Number(x.toFixed(5))} ${Number(y.toFixed(5))}`).join('L') + 'Z',
).join('')

/** The flag as SVG text, for HTML that is written before any script runs. */
export function flagSvg(attributes = ''): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="中华人民共和国国旗"${attributes && ' '}${attributes}>` +
    `<path fill="${RED}" d="M0 0h${WIDTH}v${HEIGHT}H0z"/><path fill="${GOLD}" d="${STARS_PATH}"/></svg>`
  )
}
