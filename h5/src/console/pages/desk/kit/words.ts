import { both } from '../../../frame/words'

export const words = both(
  {
    title: '宣传物料包', teach: '一个 ZIP：分享文案、公众号封面、教师一页说明、活动总码和每个区县、学校的二维码（PNG 和 A4 PDF，文件名就是单位名）。', none: '还没有制作过', draft: '活动发布后才能制作：没有发布的活动，扫码打不开。', make: '制作', again: '重新制作', asked: '已开始制作，可以离开本页', scope: '范围', all: '全部区县', download: '下载 ZIP', working: '正在制作', of: (done: string, total: string) => `${done} / ${total} 张码`, wait: '等待制作', failed: '没有做成',
    outdated: '活动内容或单位改过，这一包已过时，请重新制作。码本身不变，已经印出去的照样有效。', made: (when: string, who: string) => `${when} 制作，${who} 提出`, holds: (regions: string, units: string, size: string) => `总码、${regions} 个区县、${units} 个学校和单位 · ${size}`, old: '制作期间仍可下载上一包。', progress: '制作进度',
    contents: '里面有什么', list: ['分享文案：标题、描述、三种长度的群发文案', '公众号封面：900×383 和 1:1', '教师一页说明：PDF 与文本', '二维码：总码、区县、学校和单位，各有 PNG（300 dpi）和 A4 PDF', '说明.txt：每样东西怎么用'], texts: '分享文案', copy: '复制', textsHint: '按公开的内容写成，制作时再按用语规则检查；改标题和分享描述后会跟着变。',
    opened: '扫码打开次数', openedHint: '每张码分开计数，每分钟更新，只供工作参考；按区县顺序排，不比较。', place: '区县', times: '次数', units: '看学校', back: '← 全部区县', noOpened: '还没有区县', openedOf: (name: string) => `${name} 的学校和单位`,
  },
  {
    title: 'Campaign kit', teach: 'One ZIP: texts to share, article covers, a page for teachers, and QR codes for the campaign, each district and each school (PNG and A4 PDF, named after the place).', none: 'Never made yet', draft: 'Release the campaign first: codes of a draft open nothing.', make: 'Make it', again: 'Make it anew', asked: 'It is being made. You may leave this page', scope: 'Scope', all: 'All districts', download: 'Download ZIP', working: 'Being made', of: (done, total) => `${done} / ${total} codes`, wait: 'Waiting', failed: 'Not made',
    outdated: 'The campaign or its places have changed: this kit is out of date, make it anew. The codes stay the same, and what is printed stays right.', made: (when, who) => `Made ${when}, asked for by ${who}`, holds: (regions, units, size) => `The campaign, ${regions} districts, ${units} schools and units · ${size}`, old: 'The last one can be fetched meanwhile.', progress: 'Progress',
    contents: 'What it holds', list: ['Texts: title, description, three lengths for chats', 'Article covers: 900×383 and 1:1', 'A page for teachers: PDF and text', 'QR codes: campaign, districts, schools; PNG (300 dpi) and A4 PDF each', 'A list of what is what'], texts: 'Texts to share', copy: 'Copy', textsHint: 'Made of what is public and checked by the wording rules when a kit is made; they follow the title and the share description.',
    opened: 'Opened by code', openedHint: 'Each code is counted by itself, each minute, for work alone; in the order of districts, not of figures.', place: 'District', times: 'Opened', units: 'Schools', back: '← All districts', noOpened: 'No districts yet', openedOf: (name) => `Schools and units of ${name}`,
  },
)
