/** A page's blocks as editors handle them. What each kind may hold, and how much, is the server's (server/blocks/block.py). */
export const KINDS = ['cover', 'text', 'picture', 'film', 'entry', 'wall', 'signature'] as const
export type BlockKind = (typeof KINDS)[number]

export interface Block {
  id: string
  kind: BlockKind
  title?: string
  text?: string
  media?: string
  caption?: string
  count?: number
}

export const SKINS = ['dawn', 'paper', 'festive'] as const
export type Skin = (typeof SKINS)[number]

/** The longest of each text. */
export const MOST: Record<BlockKind, Partial<Record<'title' | 'text' | 'caption', number>>> = {
  cover: { title: 32, text: 100 }, text: { title: 32, text: 2000 }, picture: { caption: 60 }, film: { caption: 60 }, entry: {}, wall: { title: 32 }, signature: { text: 100 },
}
export const SHOWS: Partial<Record<BlockKind, 'image' | 'video'>> = { cover: 'image', picture: 'image', film: 'video' }
const ONLY_ONE: readonly BlockKind[] = ['cover', 'entry', 'wall', 'signature']
export const MOST_BLOCKS = 20
export const WALL = { least: 3, most: 20, usual: 6 }

/** The blocks of a theme; what is none is left out, and the server says so when it is saved. */
export function blocksOf(theme: Record<string, unknown>): Block[] {
  const found = Array.isArray(theme.blocks) ? theme.blocks : []
  return found.filter((one): one is Block => typeof one === 'object' && one !== null && KINDS.includes((one as Block).kind))
}

/** Into the theme, each with what it holds and no more; a page without blocks names none. */
export function keepBlocks(theme: Record<string, unknown>, blocks: Block[]): void {
  if (blocks.length === 0) delete theme.blocks
  else theme.blocks = blocks.map((block) => Object.fromEntries(Object.entries(block).filter(([, value]) => value !== '' && value !== undefined && value !== 0)))
}

export function skinOf(theme: Record<string, unknown>): Skin {
  return SKINS.find((one) => one === theme.skin) ?? 'dawn'
}

export function keepSkin(theme: Record<string, unknown>, skin: Skin): void {
  if (skin === 'dawn') delete theme.skin
  else theme.skin = skin
}

/** Why no more of a kind: '' where one may be added. */
export function whyNoMore(kind: BlockKind, blocks: Block[]): '' | 'full' | 'once' {
  if (blocks.length >= MOST_BLOCKS) return 'full'
  return ONLY_ONE.includes(kind) && blocks.some((one) => one.kind === kind) ? 'once' : ''
}

/** A name that no block of the page has: revisions tell blocks by it. */
export function newId(blocks: Block[]): string {
  return `b${Math.max(0, ...blocks.map(({ id }) => Number(/^b(\d+)$/.exec(id)?.[1] ?? 0))) + 1}`
}

/** With a new block: a cover first, a signature last, others before the signature. */
export function added(blocks: Block[], kind: BlockKind): { blocks: Block[]; at: number } {
  const made: Block = { id: newId(blocks), kind }
  const sign = blocks.findIndex((one) => one.kind === 'signature')
  const at = kind === 'cover' ? 0 : kind === 'signature' || sign < 0 ? blocks.length : sign
  return { blocks: [...blocks.slice(0, at), made, ...blocks.slice(at)], at }
}

export function moved<T>(list: T[], from: number, to: number): T[] {
  if (from === to || from < 0 || to < 0 || from >= list.length || to >= list.length) return list
  const rest = list.filter((_, n) => n !== from)
  return [...rest.slice(0, to), list[from]!, ...rest.slice(to)]
}

/** What a page usually has, to begin with. */
export function usual(title: string, text: string): Block[] {
  return [
    { id: 'b1', kind: 'entry' }, { id: 'b2', kind: 'text', title: title.slice(0, 32), text: text.slice(0, 2000) },
    { id: 'b3', kind: 'wall' }, { id: 'b4', kind: 'signature' },
  ]
}

/** What a block still lacks, by the part; the server asks the same before publishing. */
export function lacks(block: Block): '' | 'media' | 'text' | 'any' {
  if ((block.kind === 'picture' || block.kind === 'film') && !block.media) return 'media'
  if (block.kind === 'text' && !block.text?.trim()) return 'text'
  return block.kind === 'cover' && !block.media && !block.title?.trim() && !block.text?.trim() ? 'any' : ''
}

/** One line of what a block says. */
export function gist(block: Block): string {
  return (block.title || block.text || block.caption || '').replace(/\s+/g, ' ').trim().slice(0, 40)
}

export interface Row { part: string; name: string; bytes: number; at_once: boolean; advice: string }
export interface Weight { rows: Row[]; first_view: number; later: number; films: number; budget: number; over: boolean; advice: string[] }

/** 1 KB is 1,000 bytes, as in the budget. */
export function kilobytes(bytes: number): string {
  return bytes >= 1_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${bytes ? Math.max(1, Math.round(bytes / 1000)) : 0} KB`
}

/** A text as WeChat's card shows it: CJK counts two, two lines of a title, two of a description. */
export function cut(text: string, units: number): { shown: string; isCut: boolean } {
  let used = 0
  let shown = ''
  for (const sign of text) {
    used += sign.codePointAt(0)! > 0xff ? 2 : 1
    if (used > units) return { shown: `${shown}…`, isCut: true }
    shown += sign
  }
  return { shown, isCut: false }
}
