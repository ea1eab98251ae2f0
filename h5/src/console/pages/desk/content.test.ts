import { describe, expect, it } from 'vitest'
import type { Campaign, Change, Content, Draft } from './calls'
import { isTechnical, combined, correctable, correctionOf, isEmpty, linkPeople, newCode, partOf, placeOf, same, sectionOf, setText, suggested, tabOf, textNames, THEME, whyNot } from './content'

const base = (): Content => ({
  title: '向国旗敬礼', opens_at: '2026-10-01T00:00:00+08:00', closes_at: null, kind: 'salute', period_rule: 'all', free_words: false,
  activities: [{ code: 'salute', title: '敬礼', verb: '敬礼', children: false }], presets: [{ code: 'p1', text: '祝福祖国' }],
  theme: { subtitle: '副标题', layers: [1] }, share: { title: '分享' }, organiser: { name: '市文明办' }, rules: {},
})
const change = (field: string): Change => ({ field, name: field, before: '', after: '' })

describe('what is folded away', () => {
  it('is what only the product reads', () => {
    for (const field of ['activities', 'theme.poster_design', 'theme.poster_design.l3.text', 'theme.share_media']) expect(isTechnical(field), field).toBe(true)
    for (const field of ['title', 'activities.salute.title', 'theme.cover_text', 'theme.blocks.b2.text', 'share.title']) expect(isTechnical(field), field).toBe(false)
  })
})

describe('two versions of a draft', () => {
  it('are the same whatever the order of their names', () => {
    expect(same({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 })).toBe(true)
    expect(same([1, 2], [2, 1])).toBe(false)
  })

  it('differ by lists as a whole and by texts one by one', () => {
    expect(['title', 'activities.salute.title', 'presets.p1', 'theme.subtitle', 'organiser.name', 'theme.blocks', 'theme.blocks.b1.text'].map(partOf)).toEqual(['title', 'activities', 'presets', 'theme.subtitle', 'organiser.name', 'theme.blocks', 'theme.blocks'])
    expect(['theme.poster_design', 'theme.poster_design.l1', 'theme.poster_design.l1.text'].map(partOf)).toEqual(Array(3).fill('theme.poster_design'))
  })

  it('keep what I wrote and take what I did not touch, unless she chooses otherwise', () => {
    const mine = { ...base(), title: '我的标题' }
    const theirs = { ...base(), title: '别人的标题', theme: { layers: [1] }, share: { title: '新分享' } }
    const sides = suggested(base(), mine, [change('title'), change('theme.subtitle'), change('share.title')])
    expect(sides).toEqual({ title: 'mine', 'theme.subtitle': 'theirs', 'share.title': 'theirs' })
    expect(combined(mine, theirs, sides)).toEqual({ ...base(), title: '我的标题', theme: { layers: [1] }, share: { title: '新分享' } })
    expect(combined(mine, theirs, { ...sides, title: 'theirs' }).title).toBe('别人的标题')
    expect(mine.theme).toEqual(base().theme)
  })
})

describe('texts of a part', () => {
  it('are those that are known and whatever else is a text; others stay untouched', () => {
    const part: Record<string, unknown> = { ...base().theme, hello_text: '你好' }
    expect(textNames(THEME, { ...part, skin: 'paper', privacy_text: '另有说明', share_media: 'x' })).toEqual([...THEME, 'hello_text'])
    setText(part, 'subtitle', '')
    setText(part, 'scene', '夜')
    expect(part).toEqual({ layers: [1], hello_text: '你好', scene: '夜' })
  })

  it('get codes that nobody has', () => {
    expect(newCode('p', ['p1', 'p3'])).toBe('p2')
  })
})

describe('whoever may decide a step', () => {
  const draft = {
    authors: ['lin'],
    review: { state: 'reviewing', steps: [{ name: '初审', people: [] }, { name: '复审', people: ['chen', 'zhou', 'wu'] }], decisions: [{ step: 0, by: 'zhou', verdict: 'approve', issued_by: 'admin' }] },
  } as unknown as Draft
  it('has not written, has not decided or sent a link, and is named where somebody is', () => {
    expect(['lin', 'zhou', 'admin', 'huang', 'chen'].map((person) => whyNot(draft, person, true))).toEqual(['author', 'already', 'already', 'step', ''])
    expect(whyNot(draft, 'chen', false)).toBe('role')
  })

  it('can be sent a link by an admin', () => {
    expect(linkPeople(draft, 'chen')).toEqual(['wu'])
  })
})

describe('a correction', () => {
  const campaign = { ...base(), theme: { subtitle: '副标题', anthem_url: '/a.mp3', top_image: '/x.png', layers: [1] } } as unknown as Campaign
  it('offers words and pictures alone', () => {
    expect(Object.keys(correctable(campaign).theme)).toEqual(['subtitle', 'cover_text', 'poster', 'scene', 'top_image'])
  })

  it('sends what was changed and nothing else', () => {
    const [before, now] = [correctable(campaign), correctable(campaign)]
    expect(isEmpty(correctionOf(before, now, '错字'))).toBe(true)
    now.activities[0]!.verb = '致敬'
    now.presets[0]!.text = '祝福我的祖国'
    now.organiser.telephone = '0596'
    now.rules.text = '做文明的人'
    expect(correctionOf(before, now, '错字')).toEqual({ reason: '错字', activities: { salute: { verb: '致敬' } }, presets: { p1: '祝福我的祖国' }, organiser: { telephone: '0596' }, rules: { text: '做文明的人' } })
  })
})

describe('a correction of blocks', () => {
  const campaign = { ...base(), theme: { blocks: [{ id: 'b1', kind: 'entry' }, { id: 'b2', kind: 'text', text: '同声一面旗' }, { id: 'b3', kind: 'picture', media: 'a'.repeat(32) }] } } as unknown as Campaign
  it('offers the words and the files that they hold, empty ones too, and sends what was changed', () => {
    const [before, now] = [correctable(campaign), correctable(campaign)]
    expect(before.blocks).toEqual([{ id: 'b2', kind: 'text', parts: { title: '', text: '同声一面旗' } }, { id: 'b3', kind: 'picture', parts: { media: 'a'.repeat(32), caption: '' } }])
    now.blocks[0]!.parts.text = '同升一面旗'
    now.blocks[1]!.parts.caption = '晨光'
    expect(correctionOf(before, now, '错字')).toEqual({ reason: '错字', blocks: { b2: { text: '同升一面旗' }, b3: { caption: '晨光' } } })
  })
})

describe('what the checks found', () => {
  it('stands on the tab of the page where it is about the page', () => {
    expect([placeOf('page'), placeOf('weight'), sectionOf('theme.blocks.b1.text'), sectionOf('theme.subtitle')].map(tabOf)).toEqual(['page', 'page', 'page', 'draft'])
  })

  it('is mended in the draft, or elsewhere', () => {
    expect([placeOf('window'), placeOf('privacy'), placeOf('regions'), placeOf('review')]).toEqual(['opens_at', 'organiser', '', ''])
  })
})
