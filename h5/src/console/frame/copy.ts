/** Puts a text where it can be pasted from, and says so. */
import { done, refused } from './toasts'
import { both, language } from './words'

const words = both({ copied: '已复制' }, { copied: 'Copied' })

export async function copy(text: string): Promise<void> {
  try {
    // Not on https, or within WeChat, there is no clipboard to write to, or it refuses.
    await (navigator.clipboard ? navigator.clipboard.writeText(text) : Promise.reject(new Error('no clipboard'))).catch((error: unknown) => {
      if (!copied(text)) throw error
    })
    done(words[language.value].copied)
  } catch (error) {
    refused(error)
  }
}

/** The old way, which works everywhere: a text that is chosen for a moment. */
function copied(text: string): boolean {
  const field = document.createElement('textarea')
  field.value = text
  field.readOnly = true // no keyboard comes up
  field.style.cssText = 'position:fixed;top:0;left:-9999px;font-size:16px'
  document.body.append(field)
  field.select()
  field.setSelectionRange(0, text.length)
  try {
    return document.execCommand('copy')
  } finally {
    field.remove()
  }
}
