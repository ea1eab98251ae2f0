import { describe, expect, it, vi } from 'vitest'
import { Refused } from '../session'
import { useConflict } from './conflict'

const clash = () => Promise.reject(new Refused(409, 'CHANGED', ''))

function sides(theirs: { rev: number } | null) {
  const steps = { overwrite: vi.fn(), take: vi.fn() }
  const differ = ({ rev }: { rev: number }) => [{ label: 'rev', mine: '1', theirs: String(rev) }]
  return { ...steps, ...{ conflict: useConflict('CHANGED', { read: async () => theirs, differ, ...steps }) } }
}

describe('two people at one thing', () => {
  it('shows what the other kept, and goes on with whichever is chosen', async () => {
    const { conflict, overwrite, take } = sides({ rev: 2 })
    await conflict.unlessClash(clash)
    expect(conflict.isConflict.value).toBe(true)
    expect(conflict.rows.value).toEqual([{ label: 'rev', mine: '1', theirs: '2' }])
    conflict.overwrite()
    expect(conflict.isConflict.value).toBe(false)
    expect([overwrite.mock.calls, take.mock.calls]).toEqual([[[{ rev: 2 }]], []])
    conflict.take()
    expect(take.mock.calls).toEqual([[{ rev: 2 }]])
  })

  it('lets every other refusal through, and a clash with nothing to show', async () => {
    const other = new Refused(422, 'INVALID_BODY', '')
    const { conflict } = sides({ rev: 2 })
    await expect(conflict.unlessClash(() => Promise.reject(other))).rejects.toBe(other)
    await expect(sides(null).conflict.unlessClash(clash)).rejects.toMatchObject({ code: 'CHANGED' })
    expect(conflict.isConflict.value).toBe(false)
  })
})
