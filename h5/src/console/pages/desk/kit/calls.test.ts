import { describe, expect, it } from 'vitest'
import { codeIn, isMoving, megabytes, share, type Kit } from './calls'

describe('a kit', () => {
  it('is followed while it waits or is made, and says how far it is', () => {
    expect((['none', 'queued', 'making', 'ready', 'failed'] as Kit['state'][]).filter((state) => isMoving({ state, state_name: '' }))).toEqual(['queued', 'making'])
    expect([share({ state: 'making', state_name: '', done: 30, total: 120 }), share({ state: 'queued', state_name: '' }), share({ state: 'ready', state_name: '', done: 9, total: 3 })]).toEqual([0.25, 0, 1])
  })

  it('names its size and the codes of its places', () => {
    expect([megabytes(0), megabytes(1048576 * 45.25)]).toEqual(['0.1 MB', '45.3 MB'])
    expect([codeIn('region:350602'), codeIn('unit:a:b')]).toEqual(['350602', 'a:b'])
  })
})
