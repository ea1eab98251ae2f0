import { describe, expect, it } from 'vitest'
import { fitted, aligned, heightOf, History, inside, made, moved, reordered, resized, type FlagLayer, type Layer, type QrLayer, type TextLayer } from './geometry'
import { nameOf, words } from './words'

const flag: FlagLayer = { kind: 'flag', id: 'f', x: 120, y: 226, w: 510, h: 340 }
const code: QrLayer = { kind: 'qr', id: 'q', x: 44, y: 1052, w: 264, h: 264, radius: 16 }
const text: TextLayer = { kind: 'text', id: 't', x: 100, y: 400, w: 300, h: 60, text: '{title}', size: 40, color: '#FFFFFF', font: 'serif', align: 'left', bold: 0, tracking: 0, lines: 1 }

describe('a text of one line', () => {
  it('is made smaller where it would be cut, and no larger', () => {
    const layer = { size: 72, w: 526, lines: 1, tracking: 10 }
    expect(fitted(layer, '向国旗敬礼')).toBe(72)
    expect(fitted(layer, '向国旗敬礼（新）')).toBeLessThan(60)
    expect(fitted({ ...layer, lines: 2 }, '向国旗敬礼（新）')).toBe(72)
  })
})

describe('a layer that is moved', () => {
  it('stays in the picture, in whole pixels, as large as it was', () => {
    expect(moved(text, 0.4, -0.6)).toMatchObject({ x: 100, y: 399, w: 300, h: 60 })
    expect(moved(text, 9999, 9999)).toMatchObject({ x: 450, y: 1274 })
    expect(moved(text, -9999, -9999)).toMatchObject({ x: 0, y: 0 })
    expect(inside({ x: 5, y: 5, w: 900, h: 20 })).toMatchObject({ x: 0, y: 5 })
  })

  it('is drawn to the nearest line, and says which', () => {
    const centre = aligned({ x: 222, y: 700, w: 300, h: 60 }, [])
    expect(centre.box.x).toBe(225) // its middle in the middle of the picture
    expect(centre.guides).toEqual({ x: 375, y: null })
    const beside = aligned({ x: 104, y: 563, w: 200, h: 40 }, [flag])
    expect([beside.box.y, beside.guides.y]).toEqual([566, 566]) // its top at the flag's bottom
    expect(aligned({ x: 150, y: 700, w: 37, h: 61 }, []).guides).toEqual({ x: null, y: null })
  })

  it('is never drawn out of the picture by a line', () => {
    expect(aligned({ x: 3, y: 1270, w: 300, h: 60 }, []).box).toMatchObject({ x: 0, y: 1274 })
  })
})

describe('a layer that is pulled', () => {
  it('keeps the flag 3:2 in whole pixels, whatever is pulled', () => {
    for (const [dw, dh] of [[1, 0], [-37, 5], [400, 0], [-900, -900], [0, 77], [0.5, 0.5]] as const) {
      const now = resized(flag, dw, dh)
      expect(now.w * 2).toBe(now.h * 3)
      expect(Number.isInteger(now.h)).toBe(true)
      expect(now.w).toBeGreaterThanOrEqual(120)
      expect(now.x + now.w).toBeLessThanOrEqual(750)
      expect(now.y + now.h).toBeLessThanOrEqual(1334)
    }
  })

  it('keeps the code a square that can be read, with corners that spare its margin', () => {
    expect(resized(code, -200, -200)).toMatchObject({ w: 200, h: 200, radius: 16 })
    expect(resized({ ...code, radius: 22 }, -200, -200).radius).toBe(16)
    expect(resized(code, 500, 0)).toMatchObject({ w: 282, h: 282 }) // to the edge below
  })

  it('leaves a text room for its lines', () => {
    expect(heightOf(text)).toBe(46)
    expect(heightOf({ size: 40, lines: 2 })).toBe(104)
    expect(resized(text, 10, -50)).toMatchObject({ w: 310, h: 46 })
    expect(resized(text, -9999, 0).w).toBe(8)
  })
})

describe('the order of layers', () => {
  const layers = [flag, code, text] as Layer[]
  it('changes by one step, and not past its ends', () => {
    expect(reordered(layers, 'f', 1).map(({ id }) => id)).toEqual(['q', 'f', 't'])
    expect(reordered(layers, 't', 1)).toBe(layers)
    expect(reordered(layers, 'nobody', 1)).toBe(layers)
  })

  it('gives new layers names that nobody has, inside the picture', () => {
    const two = made('text', [{ ...text, id: 'l1' }])
    expect(two.id).toBe('l2')
    for (const kind of ['text', 'image', 'qr', 'shape', 'flag'] as const) expect(inside(made(kind, []))).toEqual(made(kind, []))
  })

  it('calls them by their words', () => {
    expect(nameOf(words.zh, { ...text, text: '第 {ordinal} 位' })).toBe('第 〔第几位〕 位')
    expect(nameOf(words.zh, flag)).toBe('国旗')
    expect(nameOf(words.en, { ...text, text: ' ' })).toBe('(no text)')
  })
})

describe('undo and redo', () => {
  it('go back and forth, and a new step ends what was to come', () => {
    const history = new History('a')
    history.put('b')
    history.put('b')
    history.put('c')
    expect([history.back(), history.back(), history.back()]).toEqual(['b', 'a', null])
    expect([history.canGoBack, history.canGoForth]).toEqual([false, true])
    expect(history.forth()).toBe('b')
    history.put('d')
    expect([history.forth(), history.back()]).toEqual([null, 'b'])
  })

  it('remember so much and no more', () => {
    const history = new History('0', 3)
    for (let n = 1; n < 9; n += 1) history.put(String(n))
    expect([history.back(), history.back(), history.back(), history.back()]).toEqual(['7', '6', '5', null])
  })
})
