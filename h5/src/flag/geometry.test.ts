import { describe, expect, it } from 'vitest'
import { corners, flagSvg, GOLD, HEIGHT, RED, STARS, STARS_PATH, WIDTH } from './geometry'

const apart = (a: { x: number; y: number }, b: { x: number; y: number }) => Math.hypot(a.x - b.x, a.y - b.y)

describe('the flag', () => {
  it('is three by two', () => expect(WIDTH * 2).toBe(HEIGHT * 3))

  it('has its five stars where the law puts them', () => {
    expect(STARS.map(({ x, y, radius }) => [x, y, radius])).toEqual([[5, 5, 3], [10, 2, 1], [12, 4, 1], [12, 7, 1], [10, 9, 1]])
  })

  it('points the large star straight up', () => {
    const [tip] = corners(STARS[0]!)
    expect(tip!.x).toBeCloseTo(5, 9)
    expect(tip!.y).toBeCloseTo(2, 9)
  })

  it('points each small star at the centre of the large one', () => {
    for (const star of STARS.slice(1)) {
      const tip = corners(star)[0]!
      expect(apart(tip, STARS[0]!)).toBeCloseTo(apart(star, STARS[0]!) - 1, 9)
    }
  })

  it('draws straight edges: a tip, two inner corners and the next tip but one lie on a line', () => {
    for (const star of STARS) {
      const c = corners(star)
      for (let i = 0; i < 10; i += 2) {
        const [a, b, d] = [c[i]!, c[(i + 1) % 10]!, c[(i + 4) % 10]!]
        expect((b.x - a.x) * (d.y - a.y) - (b.y - a.y) * (d.x - a.x)).toBeCloseTo(0, 9)
      }
    }
  })

  it('keeps every star whole inside the upper hoist quarter', () => {
    for (const { x, y } of STARS.flatMap(corners)) {
      expect(x).toBeGreaterThan(0)
      expect(x).toBeLessThan(15)
      expect(y).toBeGreaterThan(0)
      expect(y).toBeLessThan(10)
    }
  })

  it('is drawn in its two colours, five closed stars, upright', () => {
    const svg = flagSvg('class="flag"')
    expect(svg).toContain(`fill="${RED}"`)
    expect(svg).toContain(`fill="${GOLD}"`)
    expect(svg).not.toMatch(/transform|filter|opacity/)
    expect(STARS_PATH.match(/Z/g)).toHaveLength(5)
    expect(STARS_PATH.startsWith('M5 2L')).toBe(true)
  })
})
