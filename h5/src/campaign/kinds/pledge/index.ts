/** 签名承诺. */
import type { Kind } from '../../kind'
import Front from './Front.vue'
import Result from './Result.vue'
import Sign from './Sign.vue'
import './pledge.css'

export { mount } from '../../main'
export const kind: Kind = {
  words: {
    start: '我要承诺', look: '读一读，签一签', peek: '看承诺书', done: '承诺已立', anew: '再读一遍', total: '人郑重承诺', nobody: '欢迎您读一读，作出承诺',
    again: '您已承诺，您是第', nth: '位作出承诺的人', act: '承诺', may: '读承诺书并签名',
  },
  act: Sign,
  front: Front,
  result: Result,
}
