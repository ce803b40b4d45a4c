//! One run: grow or read zones, start all servers, ask everything, compare.
//!
//! In: groups of zones and how much to ask. Out: a report. Never here: what may differ (see `choices.toml`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use domain::base::{MessageBuilder, Name, Rtype};
use tempfile::TempDir;

use super::choices::Choices;
use super::client::{Heard, ask_all};
use super::compare::{Difference, compare};
use super::peers::{Peer, Served, Voice, start};
use super::questions::Question;
use super::reply::{Reply, read};
use super::report::{Judged, Report};
use super::zone::Zone;

/// Questions asked of all servers before their answers are compared; bounds memory.
const CHUNK: usize = 12_000;

/// All servers over the same groups of zones.
pub(crate) struct Run {
    groups: Vec<Vec<Zone>>,
    peers: Vec<Peer>,
    /// Groups of which a server refuses a zone, in the order of `peers`.
    refused: Vec<BTreeSet<usize>>,
    /// Kept while the servers run.
    _folder: TempDir,
}

impl Run {
    /// Writes the zones and starts the servers.
    pub(crate) fn start(groups: Vec<Vec<Zone>>, voices: &[Voice]) -> Self {
        let mut folder = tempfile::tempdir().expect("a folder");
        // Zones, settings and logs of a run, for whoever wants to ask by hand.
        folder.disable_cleanup(std::env::var_os("ORACLE_KEEP").is_some());
        let zones = folder.path().join("zones");
        fs::create_dir(&zones).expect("a writable folder");
        let mut served = Vec::new();
        for zone in groups.iter().flatten() {
            fs::write(zones.join(zone.file()), zone.master_file()).expect("a writable folder");
            served.push(Served {
                apex: zone.apex.clone(),
                file: zone.file(),
            });
        }
        let begin = |voice: &Voice| start(*voice, folder.path(), &zones, &served);
        let peers: Vec<Peer> = voices.iter().map(begin).collect();
        let refused = peers
            .iter()
            .map(|peer| refused_groups(peer, &groups))
            .collect();
        Self {
            groups,
            peers,
            refused,
            _folder: folder,
        }
    }

    /// Groups that a server refuses at least one zone of.
    pub(crate) fn refused(&self, voice: Voice) -> &BTreeSet<usize> {
        let place = self.peers.iter().position(|peer| peer.voice == voice);
        &self.refused[place.expect("a server of this run")]
    }

    /// Asks everything and compares.
    pub(crate) fn ask(&self, questions: &[Question], choices: &Choices) -> Report {
        let mut report = Report::default();
        for chunk in questions.chunks(CHUNK) {
            let queries: Vec<Vec<u8>> = chunk.iter().map(query).collect();
            let heard: Vec<Vec<Heard>> = std::thread::scope(|scope| {
                let threads: Vec<_> = self
                    .peers
                    .iter()
                    .map(|peer| scope.spawn(|| ask_all(peer.address, &queries)))
                    .collect();
                let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                    thread.join().expect("a client that does not panic")
                };
                threads.into_iter().map(join).collect()
            });
            for (place, question) in chunk.iter().enumerate() {
                let heard: Vec<&Heard> = heard.iter().map(|heard| &heard[place]).collect();
                report.add(self.judge(question, &heard, choices));
            }
        }
        report
    }

    fn judge(&self, question: &Question, heard: &[&Heard], choices: &Choices) -> Judged {
        let replies: Vec<Option<Reply>> = self
            .peers
            .iter()
            .zip(heard)
            .map(|(peer, heard)| decode(peer, question, heard))
            .collect();
        let mut differences: [Option<Difference>; 3] = [None; 3];
        for (place, voice) in Voice::PEERS.into_iter().enumerate() {
            let at = self.peers.iter().position(|peer| peer.voice == voice);
            let at = at.expect("every peer is asked");
            let has_no_zone = self.refused[at].contains(&question.group)
                && replies[at].as_ref().is_none_or(Reply::is_failure);
            if !has_no_zone {
                differences[place] = Some(compare(replies[0].as_ref(), replies[at].as_ref()));
            }
        }
        let mut judged = Judged {
            differences,
            choice: None,
            group: question.group,
            text: String::new(),
        };
        if judged.is_alone() {
            judged.choice = choices.explain(question, &replies, &differences);
            if judged.choice.is_none() {
                judged.text = self.text(question, &replies);
            }
        }
        judged
    }

    /// Writes a question, the zones it concerns and what each server says.
    fn text(&self, question: &Question, replies: &[Option<Reply>]) -> String {
        let mut text = format!("  {} {}\n", question.name, question.rtype);
        for zone in &self.groups[question.group] {
            for line in zone.master_file().lines() {
                text.push_str(&format!("      | {line}\n"));
            }
        }
        for (peer, reply) in self.peers.iter().zip(replies) {
            let told = reply
                .as_ref()
                .map_or_else(|| "silence".to_owned(), Reply::text);
            text.push_str(&format!("    {}: {told}\n", peer.voice.name()));
        }
        text
    }
}

/// Reads what was heard: the answer over TCP if the datagram was truncated, with its TC kept. A peer that sends a record
/// twice, as at the end of a loop, says the same as one that sends it once (RFC 2181, section 5); we may not.
fn decode(peer: &Peer, question: &Question, heard: &Heard) -> Option<Reply> {
    let octets = heard.tcp.as_ref().or(heard.udp.as_ref())?;
    let name = peer.voice.name();
    let mut reply = read(octets)
        .unwrap_or_else(|fault| panic!("{name}, {} {}: {fault}", question.name, question.rtype));
    reply.is_truncated |= heard.tcp.is_some();
    if peer.voice != Voice::Leeward {
        reply.forgive_repeats();
    }
    Some(reply)
}

/// Writes a query with EDNS and a payload size of 4,096.
pub(crate) fn query(question: &Question) -> Vec<u8> {
    let mut message = MessageBuilder::new_vec().question();
    let name: Name<Vec<u8>> = question.name.parse().expect("a name");
    message.push((name, question.rtype)).expect("room");
    let mut message = message.additional();
    message
        .opt(|opt| {
            opt.set_udp_payload_size(4096);
            Ok(())
        })
        .expect("room");
    message.finish()
}

/// Finds the groups of which a server does not serve a zone: the SOA record at its apex is not answered.
fn refused_groups(peer: &Peer, groups: &[Vec<Zone>]) -> BTreeSet<usize> {
    let mut questions = Vec::new();
    for (group, zones) in groups.iter().enumerate() {
        questions.extend(zones.iter().map(|zone| Question {
            name: zone.apex.clone(),
            rtype: Rtype::SOA,
            group,
        }));
    }
    let queries: Vec<Vec<u8>> = questions.iter().map(query).collect();
    let heard = ask_all(peer.address, &queries);
    let is_refused = |(question, heard): (&Question, &Heard)| {
        let reply = decode(peer, question, heard);
        let is_served = reply.is_some_and(|reply| {
            reply.rcode == "NOERROR"
                && reply.flags.contains("aa")
                && reply
                    .answer
                    .iter()
                    .any(|group| group.head.ends_with(" soa"))
        });
        (!is_served).then_some(question.group)
    };
    questions
        .iter()
        .zip(&heard)
        .filter_map(is_refused)
        .collect()
}

/// Reads the zones that were written by hand: one group a file, zones parted by lines `; zone APEX`.
pub(crate) fn written(folder: &Path) -> Vec<Vec<Zone>> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder of written zones")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let read = |file: &PathBuf| {
        let text = fs::read_to_string(file).expect("a readable file");
        super::written::read(&text)
    };
    files.iter().map(read).collect()
}
