/** Short words in the corner: done, done with a way back, or refused with what to do. */
import { ElButton, ElNotification } from 'element-plus'
import { h } from 'vue'
import { explain } from './problems'
import { both, language } from './words'

const words = both(
  { undo: '撤销', undone: '已撤销', notUndone: '没有撤销成功', code: '请求编号' },
  { undo: 'Undo', undone: 'Undone', notUndone: 'Not undone', code: 'Request' },
)
// As long as people take to see a slip of the hand.
export const UNDO_MS = 10_000

export function done(what: string): void {
  ElNotification({ title: what, type: 'success', duration: 3000, position: 'bottom-right' })
}

export function refused(error: unknown): void {
  const { what, advice, requestId } = explain(error)
  const t = words[language.value]
  ElNotification({ title: what, message: [advice, requestId && `${t.code} ${requestId}`].filter(Boolean).join(' '), type: 'error', duration: 8000, position: 'bottom-right' })
}

/** Says what was done, with 撤销 beside it for ten seconds. `undo` takes it back. */
export function doneWithUndo(what: string, undo: () => Promise<void>): void {
  const t = words[language.value]
  const toast = ElNotification({
    title: what, type: 'success', duration: UNDO_MS, position: 'bottom-right', customClass: 'toast-undo',
    message: h(ElButton, { size: 'small', type: 'primary', plain: true, onClick: takeBack }, () => t.undo),
  })
  async function takeBack() {
    toast.close()
    try {
      await undo()
      done(t.undone)
    } catch (error) {
      refused(error)
    }
  }
}

/**
 * Does what cannot be taken back a little later, so that it can be stopped until then. Leaving the page does it at once.
 * Of several, each has its own time; `flush` does all that wait.
 */
export class Held {
  private readonly held = new Map<string, { timer: number; act: (isLeaving: boolean) => Promise<void> }>()

  constructor(private readonly delayMs: number) {}

  put(name: string, act: (isLeaving: boolean) => Promise<void>): void {
    const timer = window.setTimeout(() => void this.run(name, false), this.delayMs)
    this.held.set(name, { timer, act })
  }

  /** False where it is done already. */
  stop(name: string): boolean {
    const one = this.held.get(name)
    if (one) clearTimeout(one.timer)
    return this.held.delete(name)
  }

  flush(): void {
    for (const name of [...this.held.keys()]) void this.run(name, true)
  }

  private async run(name: string, isLeaving: boolean): Promise<void> {
    const one = this.held.get(name)
    if (!this.stop(name) || !one) return
    try {
      await one.act(isLeaving)
    } catch (error) {
      refused(error)
    }
  }
}
