import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ref } from 'vue'
import { Refused } from '../../session'
import { PAUSE_MS, useAutosave } from './autosave'
import type { Content, Saved } from './calls'

const text = (title: string) => ({ title, theme: {} }) as unknown as Content
const answer = (rev: number): Saved => ({ rev, saved_at: '2026-10-01T08:00:00+08:00', restarted: false, editing: [] })

function begun(save: (rev: number, now: Content) => Promise<Saved>) {
  const content = ref<Content | null>(null)
  const saving = useAutosave(content, save, () => undefined)
  saving.begin(text('一'), 3)
  const type = (title: string) => { content.value!.title = title; saving.touch() }
  return { content, saving, type }
}

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

describe('a draft saves itself', () => {
  it('once, some seconds after the last change, over what was seen', async () => {
    const save = vi.fn(async (rev: number) => answer(rev + 1))
    const { saving, type } = begun(save)
    type('二')
    await vi.advanceTimersByTimeAsync(PAUSE_MS - 1)
    type('三')
    await vi.advanceTimersByTimeAsync(PAUSE_MS - 1)
    expect(save).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(save.mock.calls).toEqual([[3, text('三')]])
    expect([saving.rev.value, saving.isChanged.value]).toEqual([4, false])
  })

  it('not at all where what was typed was taken back', async () => {
    const save = vi.fn(async (rev: number) => answer(rev + 1))
    const { type } = begun(save)
    type('二')
    type('一')
    await vi.advanceTimersByTimeAsync(PAUSE_MS * 2)
    expect(save).not.toHaveBeenCalled()
  })

  it('one request at a time, and again what was typed meanwhile', async () => {
    let go: (saved: Saved) => void = () => undefined
    const save = vi.fn((_rev: number, _now: Content) => new Promise<Saved>((resolve) => { go = resolve }))
    const { saving, type } = begun(save)
    type('二')
    void saving.flush()
    type('三')
    const rest = saving.flush()
    expect(save).toHaveBeenCalledTimes(1)
    go(answer(4))
    await vi.advanceTimersByTimeAsync(0)
    expect(save.mock.calls.at(-1)).toEqual([4, text('三')])
    go(answer(5))
    expect(await rest).toBe(true)
    expect(saving.rev.value).toBe(5)
  })

  it('keeps what was typed when nobody answers, and says so', async () => {
    const { saving, content, type } = begun(async () => { throw new Refused(0, 'NO_ANSWER', '连不上') })
    type('二')
    expect(await saving.flush()).toBe(false)
    expect([content.value!.title, saving.isChanged.value, (saving.problem.value as Refused).code]).toEqual(['二', true, 'NO_ANSWER'])
  })
})

describe('two editors', () => {
  const theirs = { rev: 7, content: text('别人') }
  it('are stopped until one has chosen, and go on over what the other saved', async () => {
    const save = vi.fn(async (rev: number, now: Content) => {
      if (rev !== 7) throw new Refused(409, 'DRAFT_CHANGED', '刚刚被修改', '', '', { mine: now, theirs, changes: [] })
      return answer(8)
    })
    const { saving, type } = begun(save)
    type('我的')
    await vi.advanceTimersByTimeAsync(PAUSE_MS)
    expect(saving.clash.value).toMatchObject({ mine: text('我的'), theirs })
    type('我的二')
    await vi.advanceTimersByTimeAsync(PAUSE_MS * 2)
    expect(save).toHaveBeenCalledTimes(1)
    expect(await saving.settle(text('两份合一'))).toBe(true)
    expect(save.mock.calls.at(-1)).toEqual([7, text('两份合一')])
    expect([saving.clash.value, saving.rev.value]).toEqual([null, 8])
  })

  it('save nothing where theirs is taken whole', async () => {
    const save = vi.fn(async () => { throw new Refused(409, 'DRAFT_CHANGED', '刚刚被修改', '', '', { mine: text('我的'), theirs, changes: [] }) })
    const { saving, content, type } = begun(save)
    type('我的')
    await saving.flush()
    expect(await saving.settle(theirs.content)).toBe(true)
    expect(save).toHaveBeenCalledTimes(1)
    expect([content.value, saving.rev.value]).toEqual([theirs.content, 7])
  })
})
