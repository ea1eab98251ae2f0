import { createApp, ref, type App } from 'vue'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { door } from '../../frame/door'
import type { Draft } from './calls'
import DraftBar from './DraftBar.vue'
import type { OpenDraft } from './useDraft'

const draft = { rev: 3, edited_by: 'lin', edited_at: '2026-09-01T08:00:00+08:00' } as Draft
const open = (parts: Record<string, unknown> = {}) => ({ status: ref(''), others: ref<string[]>([]), running: ref(''), isUnlocked: ref(false), saving: { isChanged: ref(false), problem: ref(null), flush: () => {} }, ...parts }) as unknown as OpenDraft

let apps: App[] = []
/** The bar as it stands in a page. */
function mounted(props: Record<string, unknown>): HTMLElement {
  const app = createApp(DraftBar, props)
  apps.push(app)
  const box = document.createElement('div')
  app.mount(box)
  return box
}

beforeEach(() => { door.staff = { name: 'chen', role: 'editor' } as never })
afterEach(() => {
  door.staff = null
  for (const app of apps) app.unmount()
  apps = []
})

describe('what stands above a draft', () => {
  it('says who changed it last, and before anybody did what is below', () => {
    expect(mounted({ open: open(), draft, name: 'draft' }).textContent).toContain('lin 最后修改于')
    const fresh = mounted({ open: open(), draft: { ...draft, rev: 0 }, name: 'draft', fixed: '还没有草稿' })
    expect(fresh.textContent).toContain('还没有草稿')
  })

  it('says what is not kept yet, and who has it open too', () => {
    const shown = mounted({ open: open({ status: ref('有未保存的修改'), others: ref(['lin', 'wang']), saving: { isChanged: ref(true), problem: ref(null) } }), draft, name: 'page' })
    expect(shown.querySelector('[data-testid=page-status] .look')?.textContent).toBe('有未保存的修改')
    expect(shown.textContent).toContain('lin、wang 也打开了这份草稿')
  })

  it('is locked in a review until the editor says that she changes it anyway', () => {
    const isUnlocked = ref(false)
    const shown = mounted({ open: open({ running: ref('reviewing'), isUnlocked }), draft, name: 'poster' })
    expect(shown.textContent).toContain('正在审核')
    shown.querySelector<HTMLButtonElement>('[data-testid=draft-unlock]')!.click()
    expect(isUnlocked.value).toBe(true)
  })

  it('tells whoever may not write that she can look', () => {
    door.staff = { name: 'zhao', role: 'reviewer' } as never
    expect(mounted({ open: open({ running: ref('reviewing') }), draft, name: 'page', readOnly: '您可以查看页面' }).textContent).toContain('您可以查看页面')
  })
})
