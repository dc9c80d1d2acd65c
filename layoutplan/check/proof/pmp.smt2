; RISC-V PMP as SMT-LIB 2: what U-mode may do, from pmpaddr and the entry's pmpcfg byte.
; Source: RISC-V Instruction Set Manual, Volume II (Privileged Architecture) 1.12, 3.7; Smepmp 1.0, table 1.
;   pmpcfg   7 L, 6:5 reserved, 4:3 A (00 OFF, 01 TOR, 10 NA4, 11 NAPOT), 2 X, 1 W, 0 R
;   pmpaddr  address bits 33:2
; Addresses have 36 bits: pmpaddr speaks of 34 and one NAPOT entry of 35. Issued addresses are below 2^32.
; Rights are three bits: 0 read, 1 write, 2 execute.
; `grain.tor` (address bits that TOR ignores), `grain.napot` (pmpaddr bits that NAPOT reads as ones), `grain.coarse`,
; `swapped`, `has.tor`, `has.na4` and `has.napot` are the core's traits and are defined before this text is used.
; So is `lockdown`: mseccfg.MML and MMWP are set and RLB is clear. Else mseccfg is zero.
(define-fun issued ((a Addr)) Bool (bvult a #x100000000))
(define-fun within ((a Addr) (base Addr) (end Addr)) Bool (and (bvule base a) (bvult a end)))

(define-fun cfg.mode ((cfg Cfg)) (_ BitVec 2) ((_ extract 4 3) cfg))
(define-fun cfg.locked ((cfg Cfg)) Bool (= ((_ extract 7 7) cfg) #b1))
(define-fun cfg.read ((cfg Cfg)) Bool (= (ite swapped ((_ extract 2 2) cfg) ((_ extract 0 0) cfg)) #b1))
(define-fun cfg.write ((cfg Cfg)) Bool (= ((_ extract 1 1) cfg) #b1))
(define-fun cfg.execute ((cfg Cfg)) Bool (= (ite swapped ((_ extract 0 0) cfg) ((_ extract 2 2) cfg)) #b1))

(define-fun bytes ((pmpaddr Word)) Addr (concat #b00 pmpaddr #b00))
(define-fun tor.matches ((below Word) (pmpaddr Word) (a Addr)) Bool
  (within a (bvand (bytes below) (bvnot grain.tor)) (bvand (bytes pmpaddr) (bvnot grain.tor))))
(define-fun na4.matches ((pmpaddr Word) (a Addr)) Bool (= (bvand a #xFFFFFFFFC) (bytes pmpaddr)))
; Trailing ones of pmpaddr give the size: `low` has them and the zero above them, in words of four bytes.
(define-fun napot.low ((pmpaddr Word)) Addr
  (let ((p (bvor (concat #x0 pmpaddr) grain.napot))) (bvxor p (bvadd p #x000000001))))
(define-fun napot.matches ((pmpaddr Word) (a Addr)) Bool
  (= (bvand (bvlshr a #x000000002) (bvnot (napot.low pmpaddr)))
     (bvand (concat #x0 pmpaddr) (bvnot (napot.low pmpaddr)))))
; `below` is pmpaddr of the entry before, whatever its mode; zero for the first.
(define-fun matches ((below Word) (pmpaddr Word) (cfg Cfg) (a Addr)) Bool
  (let ((mode (cfg.mode cfg)))
    (or (and (= mode #b01) (tor.matches below pmpaddr a))
        (and (= mode #b10) (na4.matches pmpaddr a))
        (and (= mode #b11) (napot.matches pmpaddr a)))))

; `cfg` is the byte of the lowest entry that matches, or zero where none does: U-mode then has nothing, nor has M-mode
; under MMWP.
(define-fun rights-of ((cfg Cfg)) Rights
  (concat (ite (cfg.execute cfg) #b1 #b0) (ite (cfg.write cfg) #b1 #b0) (ite (cfg.read cfg) #b1 #b0)))
; MML, by L R W X. The rows that are left out are of one mode: U-mode's with L clear, M-mode's with L set.
(define-fun lrwx ((cfg Cfg)) (_ BitVec 4)
  (concat (ite (cfg.locked cfg) #b1 #b0) (ite (cfg.read cfg) #b1 #b0)
          (ite (cfg.write cfg) #b1 #b0) (ite (cfg.execute cfg) #b1 #b0)))
(define-fun mml.user ((cfg Cfg)) Rights
  (ite (= (lrwx cfg) #b0010) #b001
  (ite (= (lrwx cfg) #b0011) #b011
  (ite (= (lrwx cfg) #b1010) #b100
  (ite (= (lrwx cfg) #b1011) #b100
  (ite (= (lrwx cfg) #b1111) #b001
  (ite (cfg.locked cfg) #b000 (rights-of cfg))))))))
(define-fun mml.machine ((cfg Cfg)) Rights
  (ite (= (lrwx cfg) #b0010) #b011
  (ite (= (lrwx cfg) #b0011) #b011
  (ite (= (lrwx cfg) #b1010) #b100
  (ite (= (lrwx cfg) #b1011) #b101
  (ite (= (lrwx cfg) #b1111) #b001
  (ite (cfg.locked cfg) (rights-of cfg) #b000)))))))

(define-fun user ((cfg Cfg)) Rights (ite lockdown (mml.user cfg) (rights-of cfg)))
(define-fun privileged ((cfg Cfg) (a Addr)) Rights
  (ite (not (issued a)) #b000
  (ite lockdown (mml.machine cfg)
  (ite (cfg.locked cfg) (rights-of cfg) #b111))))

; Reserved fields, absent modes, locks, and words that read back as others. MML reserves no rights and needs locks.
(define-fun malformed ((pmpaddr Word) (cfg Cfg)) Bool
  (let ((mode (cfg.mode cfg)))
    (or (not (= ((_ extract 6 5) cfg) #b00))
        (and (not lockdown) (or (cfg.locked cfg) (and (cfg.write cfg) (not (cfg.read cfg)))))
        (and (= mode #b01) (or (not has.tor) (not (= (bvand (bytes pmpaddr) grain.tor) #x000000000))))
        (and (= mode #b10) (or (not has.na4) grain.coarse))
        (and (= mode #b11)
             (or (not has.napot)
                 (not (= (bvand (concat #x0 pmpaddr) grain.napot) grain.napot)))))))
; Entries that the chip has hard-wired are locked and of whatever mode they are.
(define-fun malformed.fixed ((cfg Cfg)) Bool
  (or (not (= ((_ extract 6 5) cfg) #b00)) (and (cfg.write cfg) (not (cfg.read cfg)))))
