import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory } from 'vue-router'
import { PAGES, visiblePages } from '../pages'
import { Refused } from '../session'
import { pick } from './accounts'
import { changedWords, differences } from './differences'
import { door, left } from './door'
import { bytesOf, grouped, picked, spoken, written } from './format'
import { isTyping, keys, onKey, pressed } from './keys'
import { ADVICE, explain } from './problems'
import { makeRouter } from './router'
import { Held } from './toasts'
import { speak } from './words'

afterEach(() => {
  speak('zh')
  left()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the table of pages', () => {
  it('has one address and one name for each, and both languages', () => {
    expect(new Set(PAGES.map(({ path }) => path)).size).toBe(PAGES.length)
    expect(new Set(PAGES.map(({ name }) => name)).size).toBe(PAGES.length)
    for (const { title, group, icon } of PAGES) {
      expect(title.zh && title.en).toBeTruthy()
      expect(Boolean(group)).toBe(Boolean(icon))
    }
  })

  it('shows each role its own', () => {
    const names = (role: string) => {
      door.staff = { name: 'x', role, csrf: '' }
      return visiblePages().map(({ name }) => name)
    }
    expect(names('reviewer')).toContain('messages')
    expect(names('editor')).not.toContain('messages')
    expect(names('auditor')).not.toContain('words')
    expect(names('admin')).toEqual(PAGES.filter(({ group }) => group).map(({ name }) => name))
  })

  it('leads an empty address to the campaigns, an unknown one nowhere, and names the page in the title', async () => {
    vi.stubGlobal('scrollTo', () => {}) // jsdom has none
    const router = makeRouter(createMemoryHistory())
    await router.push('/')
    expect(router.currentRoute.value.name).toBe('campaigns')
    expect(document.title).toBe('活动 · 工作台 · 文明')
    speak('en')
    await vi.waitFor(() => expect(document.title).toBe('Campaigns · Console · Wenming'))
    await router.push('/nothing/here')
    expect(router.currentRoute.value.name).toBe('lost')
  })
})

describe('what to do about a refusal', () => {
  it("says the server's own words first, then what to do", () => {
    expect(explain(new Refused(409, 'RULE_CHANGED', '这条规则刚刚被别人改过', '', 'r1'))).toEqual({
      what: '这条规则刚刚被别人改过', advice: ADVICE.RULE_CHANGED!.zh, code: 'RULE_CHANGED', requestId: 'r1' })
  })

  it('says it in English where there are words for the code, else as the server does', () => {
    speak('en')
    expect(explain(new Refused(503, 'BUSY', '现在人很多')).what).toBe('Too many people at once')
    expect(explain(new Refused(422, 'NEW_CODE', '新的原因')).what).toBe('新的原因')
  })

  it('tells of anything that is gone, and of what is no refusal at all', () => {
    expect(explain(new Refused(404, 'SCENE_NOT_FOUND', '没有这个场景二维码')).advice).toBe(ADVICE.NOT_FOUND!.zh)
    expect(explain(new TypeError('x')).what).toBe('没有做成，请再试一次')
  })
})

describe('keys', () => {
  const run = vi.fn()
  beforeEach(() => {
    run.mockReset()
    keys.splice(0, keys.length, [{ key: 'a', does: () => 'A', run }, { key: 'Ctrl+s', does: () => 'S', run }])
  })

  it('leave letters to whoever types, and take what is held with Ctrl', () => {
    const field = document.body.appendChild(document.createElement('textarea'))
    field.addEventListener('keydown', onKey)
    field.dispatchEvent(new KeyboardEvent('keydown', { key: 'a' }))
    expect(isTyping(field)).toBe(true)
    expect(run).not.toHaveBeenCalled()
    field.dispatchEvent(new KeyboardEvent('keydown', { key: 'S', ctrlKey: true }))
    expect(run).toHaveBeenCalledOnce()
    field.remove()
  })

  it('are the same with caps lock and on a Mac', () => {
    expect(pressed(new KeyboardEvent('keydown', { key: 'A' }))).toBe('a')
    expect(pressed(new KeyboardEvent('keydown', { key: 's', metaKey: true }))).toBe('Ctrl+s')
    expect(pressed(new KeyboardEvent('keydown', { key: '?', shiftKey: true }))).toBe('?')
  })

  it('keep still while words are composed', () => {
    const event = new KeyboardEvent('keydown', { key: 'a', isComposing: true })
    onKey(event)
    expect(run).not.toHaveBeenCalled()
  })
})

describe('what is held', () => {
  it('is done after its time, unless it was stopped', async () => {
    vi.useFakeTimers()
    const held = new Held(5000)
    const [first, second] = [vi.fn(async () => {}), vi.fn(async () => {})]
    held.put('first', first)
    held.put('second', second)
    expect(held.stop('first')).toBe(true)
    await vi.advanceTimersByTimeAsync(5000)
    expect(first).not.toHaveBeenCalled()
    expect(second).toHaveBeenCalledExactlyOnceWith(false)
    expect(held.stop('second')).toBe(false)
  })

  it('is done at once when the page is left, and once only', async () => {
    vi.useFakeTimers()
    const held = new Held(5000)
    const act = vi.fn(async () => {})
    held.put('one', act)
    held.flush()
    await vi.advanceTimersByTimeAsync(5000)
    expect(act).toHaveBeenCalledExactlyOnceWith(true)
  })
})

describe('differences', () => {
  it('name what differs, in the order of the labels', () => {
    const mine = { name: '甲', words: ['一', '二'], on: true, rev: 1 }
    expect(differences(mine, { ...mine, words: ['一'], rev: 2 }, { words: '词语', name: '名称' })).toEqual([{ label: '词语', mine: '一、二', theirs: '一' }])
    expect(changedWords(['a', 'b'], ['b', 'c'])).toEqual({ added: ['c'], gone: ['a'] })
  })
})

describe('moments and numbers', () => {
  it('are in Shanghai time wherever the reader is', () => {
    expect(spoken('2026-10-01T00:05:00Z')).toBe('2026年10月1日 08:05')
    speak('en')
    expect(spoken('2026-10-01T00:05:00Z')).toBe('1 Oct 2026, 08:05')
    expect([spoken('never'), spoken(null)]).toEqual(['', ''])
  })

  it('go through a date picker and back unchanged', () => {
    expect(written(picked('2026-10-01T00:00:00+08:00'))).toBe('2026-10-01T00:00:00+08:00')
    expect([picked(null), written(null), written('')]).toEqual(['', null, null])
  })

  it('are grouped, and counted in bytes as the platform does', () => {
    expect([grouped(1234567), grouped(999)]).toEqual(['1,234,567', '999'])
    expect(bytesOf('敬礼a')).toBe(7)
  })
})

describe('which account a page is about', () => {
  it('is the one in the address, else the last, else the first', () => {
    const all = ['a', 'b', 'c'].map((appid) => ({ appid, role: 'official' as const, name: '', mode: '' }))
    expect([pick(all, ['b', 'c']), pick(all, ['gone', 'c']), pick(all, ['', '']), pick([], ['a'])]).toEqual(['b', 'c', 'a', ''])
  })
})
