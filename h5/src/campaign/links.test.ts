import { describe, expect, it } from 'vitest'
import { channel, linkedUnit, regionOfUnit, shareLink, signedAddress } from './links'

const PAGE = 'https://w.example.cn/c/salute-the-flag'

describe('links', () => {
  it('shares the page without what WeChat and the sign-in added', () => {
    expect(shareLink(`${PAGE}?from=singlemessage&isappinstalled=0&code=a&state=b&guest=failed#top`)).toBe(PAGE)
  })
  it('keeps a class link\'s unit and anything of our own', () => {
    expect(shareLink(`${PAGE}?u=350602-001&from=timeline&ch=poster`)).toBe(`${PAGE}?u=350602-001&ch=poster`)
    expect(shareLink(`${PAGE}?fromage=1&statement=2`)).toBe(`${PAGE}?fromage=1&statement=2`)
  })
  it('signs the entry address whole, without its fragment', () => {
    expect(signedAddress(`${PAGE}?from=timeline&code=a#x`)).toBe(`${PAGE}?from=timeline&code=a`)
  })
  it('reads unit, region and channel', () => {
    expect(linkedUnit('?u=350602-001&r=350602')).toEqual({ unit: '350602-001', region: '350602' })
    expect(linkedUnit('?u=%E4%B8')).toEqual({ unit: '', region: '' })
    expect(channel('?ch=menu')).toBe('menu')
  })
  it('finds the region of a unit', () => {
    const regions = [{ code: '350602' }, { code: '350603' }]
    expect(regionOfUnit('350603-9', '', regions)).toBe('350603')
    expect(regionOfUnit('x9', '350602', regions)).toBe('350602')
    expect(regionOfUnit('x9', '', regions)).toBe('')
  })
})
