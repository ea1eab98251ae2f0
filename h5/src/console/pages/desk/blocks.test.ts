import { describe, expect, it } from 'vitest'
import { added, blocksOf, cut, gist, keepBlocks, keepSkin, kilobytes, KINDS, lacks, moved, newId, skinOf, usual, whyNoMore, type Block } from './blocks'

const cover: Block = { id: 'b1', kind: 'cover', title: '同升一面旗' }
const text: Block = { id: 'b2', kind: 'text', text: '晨光里，\n国旗就要升起。' }
const entry: Block = { id: 'b3', kind: 'entry' }
const sign: Block = { id: 'b4', kind: 'signature' }

describe('the blocks of a page', () => {
  it('are read from the theme, and what is none is left out', () => {
    expect(blocksOf({ blocks: [cover, null, 'x', { id: 'b9', kind: 'script' }] })).toEqual([cover])
    expect(blocksOf({})).toEqual([])
  })

  it('are kept with what they hold and nothing else; none of them is no page of blocks', () => {
    const theme: Record<string, unknown> = { subtitle: '副标题' }
    keepBlocks(theme, [{ ...cover, text: '', media: '' }, { ...text, count: 0 }])
    expect(theme.blocks).toEqual([cover, text])
    keepBlocks(theme, [])
    expect(theme).toEqual({ subtitle: '副标题' })
  })

  it('get a name that none of them has', () => {
    expect(newId([cover, { id: 'b12', kind: 'text' }, { id: 'intro', kind: 'text' }])).toBe('b13')
    expect(newId([])).toBe('b1')
  })

  it('come where people expect them: a cover first, a signature last, others before the signature', () => {
    expect(added([text, entry, sign], 'cover').blocks.map(({ kind }) => kind)).toEqual(['cover', 'text', 'entry', 'signature'])
    expect(added([text, entry, sign], 'picture')).toMatchObject({ at: 2 })
    expect(added([text, entry], 'signature')).toMatchObject({ at: 2 })
  })

  it('change places, and stay where there is no place', () => {
    expect(moved([1, 2, 3], 0, 2)).toEqual([2, 3, 1])
    expect(moved([1, 2, 3], 2, 0)).toEqual([3, 1, 2])
    expect([moved([1, 2], 0, 2), moved([1, 2], -1, 0), moved([1, 2], 1, 1)]).toEqual([[1, 2], [1, 2], [1, 2]])
  })

  it('are twenty at most, and some of them once', () => {
    expect([whyNoMore('cover', [cover]), whyNoMore('text', [text]), whyNoMore('entry', [entry])]).toEqual(['once', '', 'once'])
    expect(whyNoMore('text', Array.from({ length: 20 }, (_, n) => ({ id: `b${n}`, kind: 'text' as const })))).toBe('full')
  })

  it('say what they lack before somebody tries to publish them', () => {
    expect([lacks({ id: 'a', kind: 'picture' }), lacks({ id: 'a', kind: 'text', text: ' \n' }), lacks({ id: 'a', kind: 'cover' }), lacks(cover), lacks(entry), lacks(sign)]).toEqual(['media', 'text', 'any', '', '', ''])
  })

  it('are told by what they say, in a line', () => {
    expect(gist(text)).toBe('晨光里， 国旗就要升起。')
    expect(gist(entry)).toBe('')
  })

  it('of the usual page have one activity, and names that differ', () => {
    const page = usual('向国旗敬礼'.repeat(9), '')
    expect(page.filter(({ kind }) => kind === 'entry')).toHaveLength(1)
    expect(new Set(page.map(({ id }) => id)).size).toBe(page.length)
    expect(page.every(({ kind, title = '' }) => KINDS.includes(kind) && title.length <= 32)).toBe(true)
  })
})

describe('a skin', () => {
  it('is the dawn where nothing else is chosen, and then stands nowhere', () => {
    const theme: Record<string, unknown> = {}
    expect([skinOf(theme), skinOf({ skin: 'neon' })]).toEqual(['dawn', 'dawn'])
    keepSkin(theme, 'paper')
    expect(skinOf(theme)).toBe('paper')
    keepSkin(theme, 'dawn')
    expect(theme).toEqual({})
  })
})

describe('what the share card shows', () => {
  it('is cut as WeChat cuts it, two to a Chinese character', () => {
    expect(cut('向国旗敬礼', 10)).toEqual({ shown: '向国旗敬礼', isCut: false })
    expect(cut('向国旗敬礼', 9)).toEqual({ shown: '向国旗敬…', isCut: true })
    expect(cut('𠮷a', 3)).toEqual({ shown: '𠮷a', isCut: false })
  })
})

describe('a weight', () => {
  it('is said in thousands, as the budget is', () => {
    expect([kilobytes(0), kilobytes(12), kilobytes(299_600), kilobytes(2_340_000)]).toEqual(['0 KB', '1 KB', '300 KB', '2.3 MB'])
  })
})
