import { describe, expect, it } from 'vitest'
import { drawn, isSigned, path, place, type Point } from './strokes'

const box = { left: 10, top: 100, width: 600, height: 240 }
const line = (...points: Point[]) => points.reduce<Point[][]>((strokes, point, n) => drawn(strokes, point, n === 0), [])

describe('a signature', () => {
  it('is drawn inside its field, whatever the field\'s size on the screen', () => {
    expect(place(10, 100, box)).toEqual([0, 0])
    expect(place(310, 220, box)).toEqual([150, 60])
    expect(place(9999, -5, box)).toEqual([300, 0])
  })

  it('goes on in a stroke until the finger is lifted, and leaves out what is no movement', () => {
    const strokes = drawn(line([0, 0], [10, 10], [10, 11]), [50, 50], true)
    expect(strokes).toEqual([[[0, 0], [10, 10]], [[50, 50]]])
    expect(path(strokes)).toBe('M0 0L10 10M50 50h1')
  })

  it('is none where only a finger touched by mistake', () => {
    expect(isSigned([])).toBe(false)
    expect(isSigned(line([0, 0], [5, 5]))).toBe(false)
    expect(isSigned(line([0, 0], [30, 30]))).toBe(true)
  })

  it('cannot fill the phone\'s storage', () => {
    let strokes: Point[][] = []
    for (let n = 0; n < 5000; n++) strokes = drawn(strokes, [(n * 7) % 300, (n * 3) % 120], n % 10 === 0)
    expect(strokes.length).toBeLessThanOrEqual(80)
    expect(path(strokes).length).toBeLessThan(16_000)
  })
})
