/** Asks before what cannot be undone; false where the person thinks better of it. */
import { ElMessageBox } from 'element-plus'

export async function isSure(title: string, text: string, go: string, cancel: string): Promise<boolean> {
  try {
    await ElMessageBox.confirm(text, title, { confirmButtonText: go, cancelButtonText: cancel, confirmButtonClass: 'el-button--danger', type: 'warning' })
    return true
  } catch {
    return false // closed or declined
  }
}
