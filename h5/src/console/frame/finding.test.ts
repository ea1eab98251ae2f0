import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { door, left } from './door'
import { asked, listed, matching, pagesFound, type Found } from './finding'
import { speak } from './words'
import { words } from './words.frame'

const kinds = words.zh.found
const answers: Record<string, unknown> = {
  '/api/v1/staff/campaigns': { items: [{ slug: 'salute-the-flag', title: '向国旗敬礼' }] },
  '/api/v1/staff/reply-rules': { items: [{ id: 'r', name: '国旗礼仪', trigger: { words: ['国旗', '升旗'] } }] },
  '/api/v1/staff/links': { items: [{ code: 'Ab3', name: '国庆海报', path: '/c/salute-the-flag' }] },
  '/api/v1/staff/members': { items: [{ name: 'bianji', role: 'editor' }] },
  '/api/v1/staff/notices': { items: [{ id: 'patrol-1', data: { thing1: '巡访集合' } }] },
  '/api/v1/staff/media?text=%E5%9B%BD%E6%97%97': { items: [{ id: 'a'.repeat(32), name: '国旗.jpg', folder: '国庆' }] },
}
const fetched = vi.fn(async (path: string) => (path in answers ? new Response(JSON.stringify(answers[path])) : new Response('{"error":{"code":"X","message":"坏了"}}', { status: 503 })))
const as = (role: string) => { door.staff = { name: 'x', role, csrf: '' } }

beforeEach(() => {
  fetched.mockClear()
  vi.stubGlobal('fetch', fetched)
})
afterEach(() => {
  left()
  speak('zh')
  vi.unstubAllGlobals()
})

describe('what the search looks through', () => {
  it('is campaigns, rules, links, staff and batches for an admin', async () => {
    as('admin')
    const { found, isWhole } = await listed()
    expect([isWhole, found.map(({ kind, to }) => [kind, to])]).toEqual([true, [
      ['campaign', '/campaigns/salute-the-flag'], ['rule', `/replies?q=${encodeURIComponent('国旗礼仪')}`], ['link', `/codes?show=links&q=${encodeURIComponent('国庆海报')}`],
      ['member', '/members?open=bianji'], ['batch', '/notices?batch=patrol-1']]])
  })

  it('asks for nothing that the role may not see', async () => {
    as('reviewer')
    await listed()
    expect(fetched.mock.calls.map(([path]) => path)).not.toContain('/api/v1/staff/members')
    expect(fetched.mock.calls.map(([path]) => path)).not.toContain('/api/v1/staff/notices')
  })

  it('gives what it has where one source fails, and says that it is not all', async () => {
    as('admin')
    const { '/api/v1/staff/links': links, ...others } = answers
    delete answers['/api/v1/staff/links']
    const { found, isWhole } = await listed()
    expect([isWhole, found.some(({ kind }) => kind === 'campaign'), found.some(({ kind }) => kind === 'link')]).toEqual([false, true, false])
    Object.assign(answers, others, { '/api/v1/staff/links': links })
  })

  it('asks the library once there is enough to go by', async () => {
    as('editor')
    expect(await asked('国')).toEqual([])
    expect(await asked(' 国旗 ')).toEqual([{ name: '国旗.jpg', kind: 'medium', hint: '国庆', to: `/media?open=${'a'.repeat(32)}` }])
  })
})

describe('what is found', () => {
  const found: Found[] = [
    { name: '向国旗敬礼', kind: 'campaign', hint: 'salute-the-flag', to: '/a' }, { name: '国旗礼仪', kind: 'rule', hint: '升旗', to: '/b' }, { name: '回收站', kind: 'page', hint: 'Recycle bin', to: '/c' },
  ]

  it('begins with what begins so', () => {
    expect(matching('国旗', found, kinds).map(({ to }) => to)).toEqual(['/b', '/a'])
    expect(matching('SALUTE', found, kinds).map(({ to }) => to)).toEqual(['/a'])
    expect(matching('recycle', found, kinds).map(({ to }) => to)).toEqual(['/c'])
  })

  it('is campaigns and pages before anything is typed', () => {
    expect(matching('', found, kinds).map(({ to }) => to)).toEqual(['/a', '/c'])
  })

  it('is a message for those who review, by its number alone', () => {
    const number = `000001790827200:${'0'.repeat(32)}`
    as('reviewer')
    expect(matching(` ${number} `, found, kinds)[0]).toMatchObject({ kind: 'message', to: `/messages?message=${number}` })
    as('editor')
    expect(matching(number, found, kinds)).toEqual([])
  })

  it('is a page by either language', () => {
    as('admin')
    speak('en')
    expect(matching('审计', pagesFound(), words.en.found).map(({ to }) => to)).toEqual(['/audit-log'])
  })
})
