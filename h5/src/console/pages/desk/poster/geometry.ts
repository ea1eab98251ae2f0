/** What is done to layers of a poster: moved, resized, aligned, put in order, taken back. Whole pixels alone, as the server keeps them. */

export const WIDTH = 750
export const HEIGHT = 1334
/** As close as a hand gets with a mouse at half size. */
export const SNAP = 8
export const MARGIN = 48
export const MIN_QR = 200
export const MIN_FLAG = 120
export const MIN_SIDE = 8
export const MOST_LAYERS = 30

export interface Box { x: number; y: number; w: number; h: number }
interface Base extends Box { id: string; hidden?: number }
export interface TextLayer extends Base { kind: 'text'; text: string; size: number; color: string; font: 'serif' | 'sans'; align: 'left' | 'center' | 'right'; bold: number; tracking: number; lines: number }
export interface ImageLayer extends Base { kind: 'image'; media: string; radius: number }
export interface QrLayer extends Base { kind: 'qr'; radius: number }
export interface ShapeLayer extends Base { kind: 'shape'; color: string; radius: number; opacity: number }
export interface FlagLayer extends Base { kind: 'flag' }
export type Layer = TextLayer | ImageLayer | QrLayer | ShapeLayer | FlagLayer
export type Kind = Layer['kind']
/** `scene`: a built-in landscape by its code, or `plain`. */
export interface Design { scene: string; top: string; bottom: string; layers: Layer[] }
/** Lines to show: where the layer lines up with something. */
export interface Guides { x: number | null; y: number | null }

const within = (value: number, low: number, high: number) => Math.min(Math.max(Math.round(value), low), Math.max(low, high))

/** The box inside the picture, moved and not made smaller. */
export function inside<T extends Box>(box: T): T {
  return { ...box, x: within(box.x, 0, WIDTH - box.w), y: within(box.y, 0, HEIGHT - box.h) }
}

/** The size in which a text of one line fits its box: the server makes it smaller too instead of cutting it. */
export function fitted(layer: Pick<TextLayer, 'size' | 'w' | 'lines' | 'tracking'>, text: string): number {
  if (layer.lines > 1) return layer.size
  const ems = [...text].reduce((sum, letter) => sum + (letter.codePointAt(0)! < 0x2000 ? 0.56 : 1), 0)
  const room = layer.w - layer.tracking * [...text].length
  return ems * layer.size <= room ? layer.size : Math.max(12, Math.floor(room / ems))
}

export function moved<T extends Box>(box: T, dx: number, dy: number): T {
  return inside({ ...box, x: box.x + dx, y: box.y + dy })
}

/** Its right lower corner pulled. The flag keeps its 3:2 and the code its square; nothing leaves the picture. */
export function resized<T extends Layer>(layer: T, dw: number, dh: number): T {
  const room = { w: WIDTH - layer.x, h: HEIGHT - layer.y }
  if (layer.kind === 'flag') {
    const most = Math.min(room.w, Math.floor(room.h / 2) * 3)
    const w = Math.floor(within(layer.w + Math.max(dw, dh * 1.5), MIN_FLAG, most) / 3) * 3
    return { ...layer, w, h: (w * 2) / 3 }
  }
  if (layer.kind === 'qr') {
    const side = within(layer.w + Math.max(dw, dh), MIN_QR, Math.min(room.w, room.h))
    return { ...layer, w: side, h: side, radius: Math.min(layer.radius, Math.floor(side / 12)) }
  }
  const low = layer.kind === 'text' ? heightOf(layer) : MIN_SIDE
  return { ...layer, w: within(layer.w + dw, MIN_SIDE, room.w), h: within(layer.h + dh, low, room.h) }
}

/** The least height that a text's lines need, by the server's rule. */
export function heightOf({ size, lines }: Pick<TextLayer, 'size' | 'lines'>): number {
  return Math.ceil(size * (lines === 1 ? 1.15 : 1.3 * lines))
}

/** The box drawn to the nearest line of the picture or of other layers, and which lines these are. */
export function aligned<T extends Box>(box: T, others: Box[], snap = SNAP): { box: T; guides: Guides } {
  const xs = [0, MARGIN, WIDTH / 2, WIDTH - MARGIN, WIDTH, ...others.flatMap(({ x, w }) => [x, x + w / 2, x + w])]
  const ys = [0, MARGIN, HEIGHT / 2, HEIGHT - MARGIN, HEIGHT, ...others.flatMap(({ y, h }) => [y, y + h / 2, y + h])]
  const across = nearest([box.x, box.x + box.w / 2, box.x + box.w], xs, snap)
  const down = nearest([box.y, box.y + box.h / 2, box.y + box.h], ys, snap)
  return { box: inside({ ...box, x: box.x + (across?.by ?? 0), y: box.y + (down?.by ?? 0) }), guides: { x: across?.line ?? null, y: down?.line ?? null } }
}

function nearest(edges: number[], lines: number[], snap: number): { by: number; line: number } | null {
  let best: { by: number; line: number } | null = null
  for (const line of lines) {
    for (const edge of edges) if (Math.abs(line - edge) <= snap && (!best || Math.abs(line - edge) < Math.abs(best.by))) best = { by: line - edge, line }
  }
  return best
}

/** The layer one step higher (by 1) or lower (by -1), or as far as it goes. */
export function reordered(layers: Layer[], id: string, by: number): Layer[] {
  const at = layers.findIndex((layer) => layer.id === id)
  const to = within(at + by, 0, layers.length - 1)
  if (at < 0 || to === at) return layers
  const left = layers.filter((layer) => layer.id !== id)
  return [...left.slice(0, to), layers[at]!, ...left.slice(to)]
}

/** A name that no layer has. */
export function newId(layers: Layer[]): string {
  for (let n = 1; ; n += 1) if (!layers.some(({ id }) => id === `l${n}`)) return `l${n}`
}

/** A new layer in the middle, on top of the others. */
export function made(kind: Kind, layers: Layer[]): Layer {
  const base = { id: newId(layers), hidden: 0 }
  if (kind === 'text') return { ...base, kind, x: 125, y: 620, w: 500, h: 60, text: '', size: 40, color: '#FFF6E3', font: 'serif', align: 'center', bold: 0, tracking: 0, lines: 1 }
  if (kind === 'image') return { ...base, kind, x: 225, y: 560, w: 300, h: 200, media: '', radius: 0 }
  if (kind === 'qr') return { ...base, kind, x: 243, y: 1020, w: 264, h: 264, radius: 12 }
  if (kind === 'shape') return { ...base, kind, x: 125, y: 620, w: 500, h: 120, color: '#0B1A3A', radius: 0, opacity: 80 }
  return { ...base, kind, x: 120, y: 226, w: 510, h: 340 }
}

/** What was done, for going back and forth. The same state twice in a row is one. */
export class History {
  private past: string[] = []
  private coming: string[] = []

  constructor(private now: string, private readonly most = 100) {}

  put(state: string): void {
    if (state === this.now) return
    this.past = [...this.past, this.now].slice(-this.most)
    this.now = state
    this.coming = []
  }

  back(): string | null {
    const state = this.past.pop()
    if (state === undefined) return null
    this.coming.push(this.now)
    return (this.now = state)
  }

  forth(): string | null {
    const state = this.coming.pop()
    if (state === undefined) return null
    this.past.push(this.now)
    return (this.now = state)
  }

  get canGoBack(): boolean { return this.past.length > 0 }
  get canGoForth(): boolean { return this.coming.length > 0 }
}
