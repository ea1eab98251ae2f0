import { describe, expect, it } from 'vitest'
import { after, CALM_SECONDS, lasts, RISE_SECONDS, SALUTE_SECONDS, type Step, WITHOUT_ANTHEM, WORDS } from './steps'

describe('a class\'s ceremony', () => {
  it('goes from standing up over flag and salute to the end, and can be held again', () => {
    const way: Step[] = ['ready']
    while (way.length < 5) way.push(after(way[way.length - 1]!))
    expect(way).toEqual(['ready', 'rising', 'salute', 'done', 'ready'])
  })

  it('waits for a hand at its beginning and end alone', () => {
    expect((['ready', 'rising', 'salute', 'done'] as Step[]).map((step) => lasts(step, false, 0) > 0)).toEqual([false, true, true, false])
  })

  it('raises the flag as long as the recording plays, else as long as the anthem takes', () => {
    expect(lasts('rising', false, 47.5)).toBe(47.5)
    expect(lasts('rising', false, 0)).toBe(RISE_SECONDS)
    expect(lasts('rising', true, 47.5)).toBe(CALM_SECONDS)
    expect(lasts('salute', true, 47.5)).toBe(SALUTE_SECONDS)
  })

  it('names the salute of Young Pioneers and of everybody else, and no anthem where none is played', () => {
    expect(WORDS.rising.text).toMatch(/少先队员敬队礼/)
    expect(WORDS.rising.text).toMatch(/行注目礼/)
    expect(WITHOUT_ANTHEM.head).not.toMatch(/国歌/)
  })
})
