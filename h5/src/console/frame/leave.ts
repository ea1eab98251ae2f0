/** Asks before a page with unsaved work is left, by a link, by closing or by reloading. */
import { ElMessageBox } from 'element-plus'
import { onMounted, onUnmounted } from 'vue'
import { onBeforeRouteLeave, onBeforeRouteUpdate } from 'vue-router'
import { both, language } from './words'

const words = both(
  { title: '还没有保存', text: '离开后，这一页没有保存的修改会丢失。', leave: '不保存，离开', stay: '留在本页' },
  { title: 'Not saved', text: 'If you leave, what you changed on this page is lost.', leave: 'Leave without saving', stay: 'Stay' },
)

export async function mayLeave(): Promise<boolean> {
  const t = words[language.value]
  try {
    await ElMessageBox.confirm(t.text, t.title, { confirmButtonText: t.leave, cancelButtonText: t.stay, type: 'warning' })
    return true
  } catch {
    return false // closed or declined
  }
}

export function useLeaveGuard(isUnsaved: () => boolean): void {
  const onClose = (event: BeforeUnloadEvent) => {
    if (isUnsaved()) event.preventDefault()
  }
  onMounted(() => addEventListener('beforeunload', onClose))
  onUnmounted(() => removeEventListener('beforeunload', onClose))
  onBeforeRouteLeave(async () => !isUnsaved() || mayLeave())
  // The query holds filters; another path is another thing on the same page.
  onBeforeRouteUpdate(async (to, from) => to.path === from.path || !isUnsaved() || mayLeave())
}

/**
 * The same for a form in a dialog: a tap beside it, or Esc, does not throw away what was typed. Gives what the dialog takes as `before-close`;
 * its own Cancel is meant, and asks nothing.
 */
export function useDialogGuard(isOpen: () => boolean, isUnsaved: () => boolean): (close: () => void) => Promise<void> {
  useLeaveGuard(() => isOpen() && isUnsaved())
  return async (close) => {
    if (!isUnsaved() || (await mayLeave())) close()
  }
}
