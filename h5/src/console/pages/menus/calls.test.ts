import { describe, expect, it } from 'vitest'
import { clean, draftOf, needed, slipOf, type Layout } from './calls'

const view = { name: '敬礼', type: 'view' as const, url: 'https://example.org' }

describe('a menu as it is sent', () => {
  it('has only the fields of each action, and a name alone above others', () => {
    const layout: Layout = { buttons: [{ ...view, key: 'old', appid: 'x' }, { name: ' 更多 ', type: 'click', key: 'k', buttons: [{ name: '帮助', type: 'click', key: ' help ', url: 'http://x' }] }] }
    expect(clean(layout)).toEqual({ buttons: [view, { name: '更多', buttons: [{ name: '帮助', type: 'click', key: 'help' }] }], conditional: [] })
  })

  it('is worked on as a copy', () => {
    const layout: Layout = { buttons: [{ ...view }] }
    draftOf(layout).buttons[0]!.name = '改'
    expect(layout.buttons[0]!.name).toBe('敬礼')
  })
})

describe('what the platform would not take', () => {
  it('is named with its place', () => {
    expect(slipOf({ buttons: [view] })).toBeNull()
    expect(slipOf({ buttons: [{ ...view, name: '六个汉字太长' }] })).toEqual({ set: 0, button: 0, below: -1, field: 'name' })
    expect(slipOf({ buttons: [view, { name: '更多', buttons: [{ name: '帮助', type: 'click', key: '' }] }] })).toEqual({ set: 0, button: 1, below: 0, field: 'key' })
    expect(slipOf({ buttons: [{ ...view, url: 'example.org' }] })?.field).toBe('url')
    expect(slipOf({ buttons: [{ name: '敬礼' }] })?.field).toBe('type')
    expect(slipOf({ buttons: [view], conditional: [{ buttons: [{ ...view, url: '' }] }] })).toMatchObject({ set: 1, field: 'url' })
  })

  it('asks each action for its own fields', () => {
    expect([needed('view'), needed('click'), needed('miniprogram'), needed('media_id')]).toEqual([['url'], ['key'], ['appid', 'pagepath', 'url'], ['media_id']])
  })
})
