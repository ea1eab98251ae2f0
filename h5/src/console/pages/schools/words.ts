import { both } from '../../frame/words'

export const words = both(
  {
    title: '学校', hint: '每所学校有自己的链接和授权码。集体上报单独列示，不和人数相加；本页不排名，也不显示谁没有参加。', tabs: { schools: '学校', reports: '集体上报' } as Record<string, string>, show: '显示',
    find: '名称、拼音首字母或代码', region: '全部区县', noCampaign: '还没有活动', noCampaignTeach: '先建一个活动，并在活动页导入单位和学校。',
    name: '学校或单位', place: '区县', link: '学生和家长的链接', code: '授权码', changed: (when: string) => `${when} 换过`, first: '第一次的码', look: '详情', do: '操作',
    none: '没有找到学校', noneTeach: '在活动页用表格导入单位和学校后，这里会列出每一所，并给出链接和信。', letters: '打印致学校的信', lettersTeach: '每封一页 A4，含授权码；一次 100 封，可另存为 PDF。打印会记入审计日志。', letter: '打印这所学校的信',
    copy: '复制', ownLink: '学生和家长', teacherLink: '老师上报', classMode: '课堂升旗', download: '下载二维码', open: '打开',
    classLink: '班级链接', classTeach: '班级只有年级和班号，不写人名。由班级链接进来的敬礼不留姓名、留言和照片。', grade: '年级', number: '班号', make: '生成', wrongClass: '请选择年级，班号写 1 到 99 的数字',
    figures: '本校数字', group: '集体上报', own: '自己敬礼', people: '人', unknown: '暂时读不到', apart: '两个数字各算各的，不相加。',
    teachers: '已授权的老师', teacherTeach: '只显示遮盖的编号和授权时间。撤销后她不能再上报和查看，已上报的人数不变。', noTeachers: '还没有老师输入过授权码', since: (when: string) => `${when} 授权`, revoked: (when: string) => `${when} 撤销`, shutOut: '已随旧授权码失效', inForce: '有效', revoke: '撤销', revokeSure: (who: string) => `撤销 ${who} 在这所学校的授权？她不能再上报和查看本校数字。`, revokedNow: '已撤销',
    rotate: '换授权码', rotateSure: '旧信立即作废，要给学校一封新信。', rotateKeep: '只换码，已授权的老师不变', rotateAll: '换码，并请出所有已授权的老师', rotated: '授权码已更换，请打印新信', expires: (when: string) => `有效期至 ${when}`, cancel: '取消',
    day: '日期', klass: '班级', at: '上报时间', state: '状态', valid: '有效', voided: '已作废', history: '经过', noReports: '还没有集体上报', noReportsTeach: '老师在手机上输入学校的授权码后，就能按班上报。', void: '作废', voidTitle: '作废这条上报', voidText: (name: string, klass: string, day: string, n: number) => `${name} ${klass} ${day} 的 ${n} 人会从所有数字里减去，不能恢复；之后这个班可以重新上报。`, reason: '原因', needReason: '请写明作废原因', doVoid: '作废', voidedNow: '已作废', close: '关闭', allSchools: '全部学校',
  },
  {
    title: 'Schools', hint: 'Each school has a link and a code. Group reports are a figure of their own, never added to people; nothing here ranks or tells who has not taken part.', tabs: { schools: 'Schools', reports: 'Group reports' }, show: 'Show',
    find: 'Name, pinyin initials or code', region: 'All districts', noCampaign: 'No campaign yet', noCampaignTeach: 'Make one and import its schools on its page.',
    name: 'School or unit', place: 'District', link: 'Link for pupils and parents', code: 'Code', changed: (when) => `changed ${when}`, first: 'the first one', look: 'Details', do: 'Do',
    none: 'No schools found', noneTeach: 'Import units on the campaign page; each is listed here with its link and letter.', letters: 'Print letters to schools', lettersTeach: 'An A4 page each, with the code; 100 at a time, also as PDF. Printing goes into the audit log.', letter: "Print this school's letter",
    copy: 'Copy', ownLink: 'Pupils and parents', teacherLink: 'Teachers report', classMode: 'Class mode', download: 'Download QR code', open: 'Open',
    classLink: 'Link of a class', classTeach: 'A class is a grade and a number, never a name. Salutes by a class link store no name, words or photo.', grade: 'Grade', number: 'Class', make: 'Make', wrongClass: 'Choose a grade and write a number from 1 to 99',
    figures: 'Its own figures', group: 'Reported in groups', own: 'Saluted themselves', people: '', unknown: 'cannot be read now', apart: 'Two figures of their own, never added up.',
    teachers: 'Authorised teachers', teacherTeach: 'Only a masked number and the time. A revoked one reports and sees nothing any more; what she reported stays.', noTeachers: 'No teacher has entered the code yet', since: (when) => `since ${when}`, revoked: (when) => `revoked ${when}`, shutOut: 'ended with an old code', inForce: 'in force', revoke: 'Revoke', revokeSure: (who) => `Revoke ${who} at this school? She can neither report nor see its figures any more.`, revokedNow: 'Revoked',
    rotate: 'New code', rotateSure: 'The old letter ends at once; the school needs a new one.', rotateKeep: 'New code, teachers stay', rotateAll: 'New code, and all teachers have to enter it', rotated: 'There is a new code; print the letter', expires: (when) => `until ${when}`, cancel: 'Cancel',
    day: 'Day', klass: 'Class', at: 'Reported', state: 'State', valid: 'stands', voided: 'voided', history: 'History', noReports: 'No group reports yet', noReportsTeach: "A teacher who entered her school's code on her phone reports class by class.", void: 'Void', voidTitle: 'Void this report', voidText: (name, klass, day, n) => `${n} people of ${name}, ${klass}, ${day} leave every figure for good; the class may be reported anew.`, reason: 'Reason', needReason: 'Say why', doVoid: 'Void', voidedNow: 'Voided', close: 'Close', allSchools: 'All schools',
  },
)
