import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isHeic, prepared } from './photo'

/** A phone that can draw none of them. */
class Blind {
  onerror: (() => void) | null = null
  set src(_: string) { setTimeout(() => this.onerror?.()) }
}

beforeEach(() => {
  vi.stubGlobal('Image', Blind)
  vi.stubGlobal('URL', { createObjectURL: () => 'blob:1' })
})
afterEach(() => vi.unstubAllGlobals())

describe('a photo that this phone cannot draw', () => {
  it('is sent as it is, for the server to look at', async () => {
    const chosen = new File(['x'], 'wide.jpg', { type: 'image/jpeg' })
    expect(await prepared(chosen)).toEqual({ blob: chosen, url: 'blob:1' })
  })

  it('is not sent in vain where it is HEIC', async () => {
    expect(await prepared(new File(['x'], 'IMG_0001.HEIC'))).toBeNull()
    expect(await prepared(new File(['x'], 'photo', { type: 'image/heif' }))).toBeNull()
  })

  it('is told by its name or type', () => {
    expect([isHeic(new File([], 'a.heif')), isHeic(new File([], 'heic.jpg', { type: 'image/jpeg' }))]).toEqual([true, false])
  })
})
