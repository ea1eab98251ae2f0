/**
 * A signature as lines on a field of 300 x 120: drawn with a finger or a mouse, kept on this phone alone, shown on her certificate.
 * It is never sent. Pure, so that drawing, keeping and showing cannot differ.
 */
export type Point = [number, number]
export const WIDTH = 300
export const HEIGHT = 120
/** A name of four characters has some 40 strokes; more than this is a drawing, and would fill the phone's storage. */
const MOST_STROKES = 80
const MOST_POINTS = 1500
/** A touch by mistake is no signature. */
const SHORTEST = 40

/** Where in the field a touch is, whole numbers inside it. */
export function place(x: number, y: number, box: { left: number; top: number; width: number; height: number }): Point {
  const inside = (value: number, most: number) => Math.round(Math.max(0, Math.min(most, value)))
  return [inside(((x - box.left) / box.width) * WIDTH, WIDTH), inside(((y - box.top) / box.height) * HEIGHT, HEIGHT)]
}

/** The strokes with one more point, on the last stroke or on a new one. What is past the bounds is left out. */
export function drawn(strokes: Point[][], point: Point, isNew: boolean): Point[][] {
  const points = strokes.reduce((sum, stroke) => sum + stroke.length, 0)
  if (points >= MOST_POINTS || (isNew && strokes.length >= MOST_STROKES)) return strokes
  if (isNew || !strokes.length) return strokes.concat([[point]])
  const last = strokes[strokes.length - 1]!
  const [x, y] = last[last.length - 1]!
  if (Math.abs(x - point[0]) + Math.abs(y - point[1]) < 2) return strokes
  return strokes.slice(0, -1).concat([last.concat([point])])
}

/** Whether somebody has signed. */
export function isSigned(strokes: Point[][]): boolean {
  let length = 0
  strokes.forEach((stroke) => stroke.forEach(([x, y], n) => n && (length += Math.abs(x - stroke[n - 1]![0]) + Math.abs(y - stroke[n - 1]![1]))))
  return length >= SHORTEST
}

/** As the path of an SVG. */
export function path(strokes: Point[][]): string {
  return strokes.map((stroke) => `M${stroke.map(([x, y]) => `${x} ${y}`).join('L')}${stroke.length === 1 ? 'h1' : ''}`).join('')
}
