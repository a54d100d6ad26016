//! etcd's timings, derived from the distance between its members.

/// etcd's timings, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EtcdTimings {
    /// `--heartbeat-interval`.
    pub heartbeat_interval: u32,
    /// `--election-timeout`.
    pub election_timeout: u32,
}

impl EtcdTimings {
    /// Timings for the longest round trip between two members: a heartbeat of 1.5 round trips and
    /// ten heartbeats to an election, never below etcd's defaults of 100 and 1000 (etcd, "Tuning":
    /// heartbeat 0.5 to 1.5 × RTT, election at least 10 × RTT).
    #[must_use]
    pub fn for_round_trip(milliseconds: u32) -> Self {
        let heartbeat_interval = (milliseconds * 3).div_ceil(2).max(100);
        Self { heartbeat_interval, election_timeout: heartbeat_interval * 10 }
    }
}

#[cfg(test)]
mod tests {
    use super::EtcdTimings;

    #[test]
    fn etcd_is_as_patient_as_the_round_trip_asks() {
        let table = [(1, 100, 1000), (66, 100, 1000), (67, 101, 1010), (200, 300, 3000)];
        for (round_trip, heartbeat_interval, election_timeout) in table {
            let expected = EtcdTimings { heartbeat_interval, election_timeout };
            assert_eq!(EtcdTimings::for_round_trip(round_trip), expected, "{round_trip} ms");
        }
    }
}
