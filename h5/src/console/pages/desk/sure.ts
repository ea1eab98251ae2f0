/** Asks before what cannot be taken back. */
import { ElMessageBox } from 'element-plus'
import { language } from '../../frame/words'
import { words } from './words'

export async function isSure(text: string, what: string, isGrave = false): Promise<boolean> {
  try {
    await ElMessageBox.confirm(text, what, { confirmButtonText: what, cancelButtonText: words[language.value].cancel, confirmButtonClass: isGrave ? 'el-button--danger' : '' })
    return true
  } catch {
    return false // closed or declined
  }
}

/** A line of text, or null. */
export async function askText(text: string, what: string, isRight: (typed: string) => true | string, placeholder = '', isGrave = false): Promise<string | null> {
  try {
    const { value } = await ElMessageBox.prompt(text, what, {
      confirmButtonText: what, cancelButtonText: words[language.value].cancel, inputPlaceholder: placeholder, confirmButtonClass: isGrave ? 'el-button--danger' : '',
      inputValidator: (typed) => isRight((typed ?? '').trim()),
    }) as { value: string }
    return value.trim()
  } catch {
    return null // closed or declined
  }
}
