import { both } from '../../frame/words'

export const words = both(
  {
    title: '战报', hint: '点一下，按此刻的数字生成文字和图片，发到工作群。生成后数字不再改动。', hintRead: '值守人员按一下生成，数字以后不再改动；这里可以查看。', noCampaign: '还没有活动', noCampaignTeach: '先建立活动，开始以后就能生成战报。',
    make: '一键战报', making: '正在生成', made: (number: number) => `第 ${number} 号战报已生成`, alsoRobots: '同时发到群机器人', notStarted: '活动还没有开始，开始后可以生成战报。',
    number: (number: number) => `第 ${number} 号`, hand: '手动', hourly: '整点', by: '生成人', asOf: '截至', people: '累计参与', copy: '复制文字', save: '保存图片', hold: '长按图片可保存或转发', picture: (number: number) => `第 ${number} 号战报的图片`, drawing: '图片正在画，几秒后出现；文字可以先复制。', noPicture: '图片没有画成，请使用文字。', demo: '演示',
    tellings: { none: '', wanted: '等待发到群机器人', telling: '正在发到群机器人', told: '已发到群机器人', failed: '群机器人没有收到，请手动转发' } as Record<string, string>,
    list: '战报列表', none: '还没有战报', noneTeach: '生成第一份：文字复制到工作群，图片长按转发。', which: '编号', how: '方式', back: '最新一份', old: '以往战报',
    settings: '整点战报', settingsHint: '每到整点自动生成一份；活动没有进行时不生成，错过的整点不补。', on: '每小时自动生成', off: '没有自动生成', from: '从', to: '到', hour: (h: number) => `${String(h).padStart(2, '0')}:00`, robots: '发到群机器人', noRobots: '还没有设置群机器人，战报只在本页显示。', between: (a: string, b: string) => `每天 ${a} 至 ${b}`, saveSettings: '保存', saved: '设置已保存',
    milestones: '里程碑', milestonesHint: '人数突破时自动记下时刻，不记是谁。事后经核实作废也不改。', own: '自定里程碑', ownHint: '例如 5000、1万、10万。不填就用默认的 1万、10万、50万、100万，此后每 100万。', wrongOwn: '请写数字，用顿号或逗号分开，例如 1万、5万、20万', passed: (when: string) => `${when} 突破`, notLater: (when: string) => `不晚于 ${when} 突破`, ahead: '未到',
  },
  {
    title: 'Bulletins', hint: 'One tap makes text and picture of this moment’s figures for the work group. They never change afterwards.', hintRead: 'Made by the operators; the figures never change afterwards.', noCampaign: 'No campaigns yet', noCampaignTeach: 'Create a campaign first.',
    make: 'Make a bulletin', making: 'Being made', made: (number) => `Bulletin ${number} is made`, alsoRobots: 'Also to the robots of the groups', notStarted: 'The campaign has not begun yet.',
    number: (number) => `No. ${number}`, hand: 'By hand', hourly: 'Hourly', by: 'By', asOf: 'As of', people: 'Participants', copy: 'Copy the text', save: 'Save the picture', hold: 'Hold the picture to save or forward it', picture: (number) => `The picture of bulletin ${number}`, drawing: 'The picture is being drawn. The text can be copied already.', noPicture: 'The picture could not be drawn. Use the text.', demo: 'Demo',
    tellings: { none: '', wanted: 'Waits for the robots', telling: 'Being sent to the robots', told: 'Sent to the robots', failed: 'The robots did not take it; forward it by hand' },
    list: 'Bulletins', none: 'No bulletins yet', noneTeach: 'Make the first: copy its text into the work group, hold its picture to forward it.', which: 'Number', how: 'Made', back: 'The newest', old: 'Earlier bulletins',
    settings: 'Each hour', settingsHint: 'One is made at each full hour while the campaign is open. An hour that was missed is not made up for.', on: 'Make one each hour', off: 'None is made by itself', from: 'From', to: 'to', hour: (h) => `${String(h).padStart(2, '0')}:00`, robots: 'Send to the robots', noRobots: 'There are no robots yet: bulletins are shown here only.', between: (a, b) => `Daily from ${a} to ${b}`, saveSettings: 'Save', saved: 'Settings saved',
    milestones: 'Milestones', milestonesHint: 'The moment is written down by itself, and never who it was. A later void changes nothing.', own: 'Own milestones', ownHint: 'Such as 5000, 10000, 100000. Left empty: 10,000, 100,000, 500,000, a million, and each further million.', wrongOwn: 'Numbers, with commas between them', passed: (when) => `Passed ${when}`, notLater: (when) => `Passed not later than ${when}`, ahead: 'Ahead',
  },
)
