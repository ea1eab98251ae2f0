import { beforeEach, describe, expect, it } from 'vitest'
import { load, recognise, save } from './store'

describe('recognise', () => {
  beforeEach(() => localStorage.clear())

  it('keeps what the same person left', () => {
    recognise('flag', 'a1')
    save('kept.flag', [1])
    recognise('flag', 'a1')
    expect(load('kept.flag', [])).toEqual([1])
  })

  it('forgets what somebody else left', () => {
    recognise('flag', 'a1')
    save('kept.flag', [1])
    save('place.flag', { region: '350602' })
    recognise('flag', 'b2')
    expect(load('kept.flag', [])).toEqual([])
    expect(load('place.flag', null)).toBeNull()
  })

  it('lets a guest keep her salute for whoever signs in then', () => {
    recognise('flag', '')
    save('kept.flag', [1])
    recognise('flag', 'a1')
    expect(load('kept.flag', [])).toEqual([1])
  })
})
